import { realpathSync } from "node:fs";
import path from "node:path";
import { ConfigError, type ConfigIssue } from "../kernel/config-error.js";
import type { SectionName } from "../kernel/configured.js";
import { type SectionRules, sections } from "../sections.js";
import { isFile } from "./discover.js";
import { fromHome } from "../kernel/home-path.js";
import { ALIASES, isTree, SECTION_KEYS, toCamelCase, toSnakeCase, type Tree } from "./names.js";
import { type Slip, slipsOf } from "./slips.js";
import { validate } from "./validate.js";
import { readYamlFile, type YamlFile } from "./yaml-file.js";

/** How many files may include one another in a chain. */
const DEEPEST_INCLUDE = 10;
/** How many files may be read in all: a file may be included again and again, as aliases may. */
const MOST_FILES = 100;

/** `over` on top of `under`: mappings key by key, everything else replaced. */
function merge(under: unknown, over: unknown): unknown {
  if (!isTree(under) || !isTree(over)) return over;
  const merged = new Map(Object.entries(under));
  for (const [key, value] of Object.entries(over)) merged.set(key, merge(merged.get(key), value));
  // `fromEntries` defines properties: a key `__proto__` is data like any other.
  return Object.fromEntries(merged);
}

/** The options of one mapping by their constructor names. */
function readOptions(section: SectionName, rules: SectionRules, options: Tree): Tree {
  const read: [string, unknown][] = [];
  for (const [key, rule] of Object.entries(rules)) {
    const alias = ALIASES[section]?.[key];
    const name = [toSnakeCase(key), alias].find((one) => one !== undefined && Object.hasOwn(options, one));
    if (name !== undefined) read.push([key, toCamelCase(options[name], rule.file)]);
  }
  return Object.fromEntries(read);
}

function readSection(section: SectionName, found: Tree): Tree {
  const rules = sections[section];
  const own = readOptions(section, rules, found);
  const instances = found["instances"];
  if (!isTree(instances)) return own;
  const byName = Object.entries(instances).map(([name, options]) => [
    name,
    readOptions(section, rules, isTree(options) ? options : {}),
  ]);
  return { ...own, instances: Object.fromEntries(byName) };
}

function readResilience(source: YamlFile): Tree {
  const resilience = isTree(source.value) ? source.value["resilience"] : undefined;
  if (!isTree(resilience)) return {};
  const read: [string, Tree][] = [];
  for (const section of Object.keys(sections) as SectionName[]) {
    const found = resilience[SECTION_KEYS[section]];
    if (isTree(found)) read.push([section, readSection(section, found)]);
  }
  return Object.fromEntries(read);
}

function includesOf(source: YamlFile, home: () => string): string[] {
  const include = isTree(source.value) ? source.value["include"] : undefined;
  const named = Array.isArray(include) ? include : include === undefined ? [] : [include];
  return named
    .filter((one) => typeof one === "string" && one !== "")
    .map((one) => path.resolve(path.dirname(source.file), fromHome(one, home)));
}

/** Reads a file and what it includes: the included ones first, in their order, the file itself on top. */
export class IncludeReader {
  /** Lowest precedence first. */
  readonly sources: YamlFile[] = [];
  readonly slips: Slip[] = [];
  readonly #home: () => string;
  /** The mistakes so far, by place and words: a file that is included twice makes each once. */
  readonly #issues: Map<string, ConfigIssue> = new Map();
  #cause: unknown;
  #files = 0;

  /** @param home what `~/` means in a path. */
  constructor(home: () => string) {
    this.#home = home;
  }

  /** @throws ConfigError with the mistakes of all files. */
  read(file: string): unknown {
    const merged = this.#read(file, []);
    const [first, ...more] = this.#issues.values();
    if (first !== undefined) throw new ConfigError([first, ...more], { cause: this.#cause });
    return merged;
  }

  #read(file: string, chain: readonly string[]): unknown {
    const source = this.#try(() => readYamlFile(file));
    if (source === undefined) return {};
    this.#try(() => validate(source));
    this.slips.push(...slipsOf(source));
    const here = [...chain, realpathSync(file)];
    let merged: unknown = {};
    for (const included of includesOf(source, this.#home)) {
      merged = merge(
        merged,
        this.#try(() => this.#include(included, here, source)),
      );
    }
    this.sources.push(source);
    return merge(merged, readResilience(source));
  }

  /** Keeps the mistakes that are told, and goes on: the other files may have more. */
  #try<Result>(step: () => Result): Result | undefined {
    try {
      return step();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      if (this.#issues.size === 0) this.#cause = error.cause;
      for (const issue of error.issues) {
        const { file, line, column, message } = issue;
        this.#issues.set(JSON.stringify([file, line, column, message]), issue);
      }
      return undefined;
    }
  }

  #include(file: string, chain: readonly string[], from: YamlFile): unknown {
    const refuse = (message: string): never => {
      throw new ConfigError([from.issue(["include"], "value", message)]);
    };
    // Told once; what follows is not even looked at.
    if (this.#files > MOST_FILES) return {};
    this.#files += 1;
    if (this.#files > MOST_FILES) refuse(`include reads more than ${MOST_FILES} files`);
    // Here the mistake can be mended: in the file that names it.
    if (!isFile(file)) refuse(`include names ${file}, which is not a file`);
    const identity = realpathSync(file);
    if (chain.includes(identity)) refuse(`include goes in a circle: ${[...chain, identity].join(" > ")}`);
    if (chain.length > DEEPEST_INCLUDE) {
      refuse(`include goes deeper than ${DEEPEST_INCLUDE} files: ${[...chain, identity].join(" > ")}`);
    }
    return this.#read(file, chain);
  }
}
