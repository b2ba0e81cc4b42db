import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { type Document, isAlias, isMap, isNode, isScalar, LineCounter, type Node, parseDocument } from "yaml";
import { ConfigError, type ConfigIssue } from "../kernel/config-error.js";

/** Bytes; a configuration is never larger, a mistake or an attack may be. */
const LARGEST_FILE = 256 * 1024;
/** How often aliases may multiply what they stand for. */
const MOST_ALIASES = 100;

/** The keys that lead to a value. */
export type KeyPath = readonly string[];

/** A YAML file that was read, with the place of every key. */
export interface YamlFile {
  readonly file: string;
  readonly value: unknown;
  /** An issue at the key of `keys` when `at` is `"key"`, else at its value, or at what is nearest to it. */
  issue(keys: KeyPath, at: "key" | "value", message: string): ConfigIssue;
}

function unusable(file: string, message: string, cause?: unknown): ConfigError {
  return new ConfigError([{ file, line: undefined, column: undefined, keyPath: "", message }], { cause });
}

function explain(error: unknown): string {
  const code: unknown = typeof error === "object" && error !== null ? Reflect.get(error, "code") : undefined;
  if (code === "ENOENT") return "no such file";
  if (code === "EACCES" || code === "EPERM") return "no permission to read it";
  return error instanceof Error ? error.message : String(error);
}

function readText(file: string): string {
  let descriptor: number;
  try {
    // Non-blocking, so that a FIFO by that name is refused instead of waited for.
    descriptor = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    throw unusable(file, `the configuration cannot be read: ${explain(error)}`, error);
  }
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw unusable(file, "the configuration must be a regular file");
    // What is read counts, not what stat says: files of /proc say 0, and a file may grow.
    const buffer = Buffer.alloc(LARGEST_FILE + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < buffer.length; length += read) {
      read = readSync(descriptor, buffer, length, buffer.length - length, null);
    }
    if (length > LARGEST_FILE) {
      throw unusable(
        file,
        `the configuration is larger than ${LARGEST_FILE} bytes, which is the most allowed`,
      );
    }
    return new TextDecoder("utf-8", { fatal: true }).decode(buffer.subarray(0, length));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw unusable(file, `the configuration cannot be read: ${explain(error)}`, error);
  } finally {
    closeSync(descriptor);
  }
}

/** The node of the last of `keys` that the document has: the key itself or its value. */
function locate(document: Document, keys: KeyPath, at: "key" | "value"): Node | undefined {
  let value: unknown = document.contents;
  let found = isNode(value) ? value : undefined;
  for (const [index, key] of keys.entries()) {
    if (isAlias(value)) value = value.resolve(document);
    if (!isMap(value)) break;
    const pair = value.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
    if (pair === undefined) break;
    const last = index === keys.length - 1;
    if (isNode(pair.key)) found = pair.key;
    if (isNode(pair.value) && !(last && at === "key")) found = pair.value;
    value = pair.value;
  }
  return found;
}

/**
 * Reads and parses one YAML file.
 *
 * @throws ConfigError when it cannot be read, is larger than 256 KiB, is not YAML, or multiplies itself by aliases.
 */
export function readYamlFile(file: string): YamlFile {
  const text = readText(file);
  const lines = new LineCounter();
  const at = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  try {
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
    const [first, ...more] = document.errors.map((error): ConfigIssue => ({
      file,
      ...at(error.pos[0]),
      keyPath: "",
      message: `not valid YAML: ${error.message}`,
    }));
    if (first !== undefined) throw new ConfigError([first, ...more]);
    return {
      file,
      value: document.toJS({ maxAliasCount: MOST_ALIASES }),
      issue: (keys, part, message) => ({
        file,
        ...at(locate(document, keys, part)?.range?.[0] ?? 0),
        keyPath: keys.join("."),
        message,
      }),
    };
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    // Too many aliases, or nested deeper than the stack.
    throw unusable(file, `the configuration cannot be used: ${explain(error)}`, error);
  }
}
