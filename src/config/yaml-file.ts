import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLParseError,
  type YAMLWarning,
} from "yaml";
import { ConfigError, type ConfigIssue } from "../kernel/config-error.js";
import { messageOf } from "../kernel/message-of.js";
import { findMisread, notSubstituted, type Refuse } from "./misread.js";

/** In bytes. A configuration is never larger; a wrong file or an attack may be. */
export const LARGEST_FILE: number = 256 * 1024;
/** How many aliases there may be, and how far they may multiply what they stand for. */
const MOST_ALIASES = 100;
/** How deep mappings and lists may be nested. */
const DEEPEST_NESTING = 100;

/** The keys that lead to a value. */
export type KeyPath = readonly string[];

/** A YAML file that was read, with the place of every key. */
export interface YamlFile {
  readonly file: string;
  readonly value: unknown;
  /** Whether the file has this key. */
  has(keys: KeyPath): boolean;
  /** An issue at the key of `keys` when `at` is `"key"`, else at its value, or at what is nearest to it. */
  issue(keys: KeyPath, at: "key" | "value", message: string): ConfigIssue;
}

/** A file that cannot be read has no lines; an issue of one that was read is at line 1 or later. */
function unusable(file: string, message: string, cause?: unknown, line?: 1): ConfigError {
  return new ConfigError([{ file, line, column: line, keyPath: "", message }], { cause });
}

function explain(error: unknown): string {
  const code: unknown = typeof error === "object" && error !== null ? Reflect.get(error, "code") : undefined;
  if (code === "ENOENT") return "no such file";
  if (code === "ERR_ENCODING_INVALID_ENCODED_DATA") return "it is not UTF-8; save it as UTF-8";
  if (code === "EACCES" || code === "EPERM") return "no permission to read it";
  return messageOf(error);
}

function readText(file: string): string {
  let descriptor: number;
  try {
    // Non-blocking, so that a FIFO is refused and not waited for.
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
    // Not UTF-8, or a folder, or a disk that fails.
    throw unusable(file, `the configuration cannot be read: ${explain(error)}`, error);
  } finally {
    closeSync(descriptor);
  }
}

/** Where a key path leads in a document. */
interface Found {
  readonly node: Node | undefined;
  /** Whether the document has every key of the path. */
  readonly whole: boolean;
}

/** The pair of a mapping that gives `key` its value: its own, or one that `<<` brings in. */
function pairOf(document: Document, value: unknown, key: string): Pair | undefined {
  const map = isAlias(value) ? value.resolve(document) : value;
  if (!isMap(map)) return undefined;
  // A file with duplicate keys is refused; of several merged mappings the first one wins.
  const own = map.items.find((item) => keyOf(item) === key);
  if (own !== undefined) return own;
  for (const { value: merged } of map.items.filter(isMerge)) {
    for (const from of isSeq(merged) ? merged.items : [merged]) {
      const found = pairOf(document, from, key);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** The node of the last of `keys` that the document has: the key itself or its value. */
function locate(document: Document, keys: KeyPath, at: "key" | "value"): Found {
  let value: unknown = document.contents;
  let node = isNode(value) ? value : undefined;
  for (const [index, key] of keys.entries()) {
    const pair = pairOf(document, value, key);
    if (pair === undefined) return { node, whole: false };
    const last = index === keys.length - 1;
    if (isNode(pair.key)) node = pair.key;
    if (isNode(pair.value) && !(last && at === "key")) node = pair.value;
    value = pair.value;
  }
  return { node, whole: true };
}

/** Whether it is `<<`, which the parser marks by a symbol; in quotes it is a key like any other. */
function isMerge(pair: Pair): boolean {
  return isScalar(pair.key) && typeof pair.key.value === "symbol";
}

function keyOf(pair: Pair): string | undefined {
  return isScalar(pair.key) && !isMerge(pair) ? String(pair.key.value) : undefined;
}

/**
 * Calls `refuse` for what the parser accepts or reports without its place: duplicate keys, too many aliases, aliases
 * of nothing, nesting that is too deep. Returns what each alias stands for, found in one pass; the parser would search
 * the document for each.
 */
function inspect(document: Document, refuse: Refuse): ReadonlyMap<unknown, Node> {
  const anchors = new Map<string, Node>();
  const targets = new Map<unknown, Node>();
  let aliases = 0;
  /** Whether a mapping can be merged from it: a mapping, an alias of one, a list of them. */
  const isMergeable = (value: unknown): boolean => {
    const found = targets.get(value) ?? value;
    return isMap(found) || (isSeq(found) && found.items.every((item) => isMap(targets.get(item) ?? item)));
  };
  const walk = (node: unknown, keys: KeyPath): void => {
    if (isAlias(node)) {
      aliases += 1;
      const target = anchors.get(node.source);
      if (target !== undefined) targets.set(node, target);
      else refuse(node, keys, `*${node.source} stands for nothing; &${node.source} must come before it`);
      if (aliases === MOST_ALIASES + 1) refuse(node, keys, `there are more than ${MOST_ALIASES} aliases`);
      return;
    }
    if (isNode(node) && node.anchor !== undefined) anchors.set(node.anchor, node);
    if (!isMap(node) && !isSeq(node)) return;
    if (keys.length > DEEPEST_NESTING) {
      refuse(node, keys, `it is nested deeper than ${DEEPEST_NESTING} levels`);
      return;
    }
    if (isSeq(node)) {
      for (const [index, item] of node.items.entries()) walk(item, [...keys, String(index)]);
      return;
    }
    const seen = new Set<string>();
    for (const pair of node.items) {
      const key = keyOf(pair);
      const path = [...keys, key ?? (isMerge(pair) ? "<<" : "?")];
      // `<<` is not a key and may appear more than once: each merges another mapping.
      if (key !== undefined && seen.has(key)) {
        refuse(isNode(pair.key) ? pair.key : undefined, path, `${path.join(".")} stands here a second time`);
      }
      if (key !== undefined) seen.add(key);
      walk(pair.key, path);
      walk(pair.value, path);
      if (isMerge(pair) && !isMergeable(pair.value)) {
        refuse(isNode(pair.value) ? pair.value : undefined, path, "<< merges mappings, and this is none");
      }
    }
  };
  walk(document.contents, []);
  return targets;
}

/** The parser's message, except where it addresses the programmer. */
function explainSyntax({ code, message, pos: [at] }: YAMLParseError | YAMLWarning, text: string): string {
  if (code === "MULTIPLE_DOCS") return "a second document begins here; a configuration is one, without ---";
  // In `{ rate: ${RATE} }` the braces of the variable are a mapping.
  return `not valid YAML: ${text.startsWith("${", at - 1) ? notSubstituted("${…}") : message}`;
}

/**
 * Reads and parses one YAML file.
 *
 * @throws ConfigError when it cannot be read, is larger than 256 KiB, is not YAML, or multiplies itself by aliases.
 */
export function readYamlFile(file: string): YamlFile {
  const text = readText(file);
  const lines = new LineCounter();
  const issue = (offset: number, keys: KeyPath, message: string): ConfigIssue => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col), keyPath: keys.join("."), message };
  };
  const fail = ([first, ...more]: readonly ConfigIssue[]): void => {
    if (first !== undefined) throw new ConfigError([first, ...more]);
  };
  try {
    // Its own search for duplicate keys compares each with each: seconds for a large file.
    const document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      merge: true,
      uniqueKeys: false,
    });
    // Unknown tags are refused below, where they matter: other programs may have tags of their own.
    const warnings = document.warnings.filter(({ code }) => code !== "TAG_RESOLVE_FAILED");
    const errors = [...document.errors, ...warnings].toSorted((a, b) => a.pos[0] - b.pos[0]);
    const issues = errors.map((error) => issue(error.pos[0], [], explainSyntax(error, text)));
    // What follows a mistake in its line comes of it.
    const told = new Set<unknown>();
    fail(issues.filter(({ line }) => told.size < told.add(line).size));
    const found: ConfigIssue[] = [];
    const refuse: Refuse = (node, keys, message) => {
      found.push(issue(node?.range?.[0] ?? 0, keys, message));
    };
    const targets = inspect(document, refuse);
    fail(found);
    for (const key of ["include", "resilience"]) {
      findMisread(pairOf(document, document.contents, key)?.value, [key], targets, refuse);
    }
    fail(found);
    return {
      file,
      value: document.toJS({ maxAliasCount: MOST_ALIASES }),
      has: (keys) => locate(document, keys, "key").whole,
      issue: (keys, part, message) =>
        issue(locate(document, keys, part).node?.range?.[0] ?? 0, keys, message),
    };
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    // Aliases that multiply what they stand for, or nested deeper than the stack.
    throw new ConfigError([issue(0, [], `the configuration cannot be used: ${explain(error)}`)], {
      cause: error,
    });
  }
}
