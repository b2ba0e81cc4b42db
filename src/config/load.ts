import { realpathSync } from "node:fs";
import path from "node:path";
import { checkConfiguration, type ResilienceConfig } from "../configure.js";
import { ConfigError } from "../kernel/config-error.js";
import type { SectionName } from "../kernel/configured.js";
import { nearest } from "../kernel/nearest.js";
import { type OptionRules, resolveOptions } from "../kernel/options.js";
import { custom, optional, text } from "../kernel/rules.js";
import { show } from "../kernel/show.js";
import { warn } from "../kernel/warning.js";
import { checkTogether, type SectionRules, sections } from "../sections.js";
import { type Environment, findConfigFile, isFile } from "./discover.js";
import { ALIASES, isTree, SECTION_KEYS, toCamelCase, toSnakeCase, type Tree } from "./names.js";
import { validate } from "./validate.js";
import { type KeyPath, readYamlFile, type YamlFile } from "./yaml-file.js";

/** Where {@link loadConfig} looks. */
export interface LoadConfigOptions {
  /** The file itself, relative to `cwd`; nothing else is searched then. */
  readonly path?: string | undefined;
  /** Default: the working directory. */
  readonly cwd?: string | undefined;
  /** Default: `process.env`. */
  readonly env?: Environment | undefined;
}

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
function readOptions(
  section: SectionName,
  rules: SectionRules,
  options: Tree,
  source: YamlFile,
  keys: KeyPath,
): Tree {
  const read: [string, unknown][] = [];
  for (const [key, rule] of Object.entries(rules)) {
    const name = toSnakeCase(key);
    const alias = ALIASES[section]?.[key];
    if (alias !== undefined && Object.hasOwn(options, alias)) {
      if (Object.hasOwn(options, name)) {
        const at = [...keys, alias];
        throw new ConfigError([
          source.issue(at, "key", `${at.join(".")} and ${name} name the same option; keep one of them.`),
        ]);
      }
      read.push([key, toCamelCase(options[alias], rule.file)]);
    } else if (Object.hasOwn(options, name)) {
      read.push([key, toCamelCase(options[name], rule.file)]);
    }
  }
  return Object.fromEntries(read);
}

function readSection(section: SectionName, found: Tree, source: YamlFile, keys: KeyPath): Tree {
  const rules = sections[section];
  const own = readOptions(section, rules, found, source, keys);
  const instances = found["instances"];
  if (!isTree(instances)) return own;
  const byName = Object.entries(instances).map(([name, options]) => [
    name,
    readOptions(section, rules, isTree(options) ? options : {}, source, [...keys, "instances", name]),
  ]);
  return { ...own, instances: Object.fromEntries(byName) };
}

function readResilience(source: YamlFile): Tree {
  const resilience = isTree(source.value) ? source.value["resilience"] : undefined;
  if (!isTree(resilience)) return {};
  const read: [string, Tree][] = [];
  for (const section of Object.keys(sections) as SectionName[]) {
    const key = SECTION_KEYS[section];
    const found = resilience[key];
    if (isTree(found)) read.push([section, readSection(section, found, source, ["resilience", key])]);
  }
  return Object.fromEntries(read);
}

/** Other modules may have keys of their own, so a slip in the one key that matters can only be warned of. */
function warnOfSlip(source: YamlFile): void {
  if (!isTree(source.value) || Object.hasOwn(source.value, "resilience")) return;
  const known = ["resilience", ...Object.values(SECTION_KEYS)];
  for (const key of Object.keys(source.value)) {
    const meant = nearest(key, known);
    if (meant === undefined || key === "include") continue;
    const { line, column } = source.issue([key], "key", "");
    const advice =
      meant === "resilience" ? "did you mean resilience?" : `sections stand under the key resilience.`;
    warn("KSTLIB_CONFIG_KEY", `${source.file}:${line}:${column}: ${key} is not read; ${advice}`);
  }
}

function includesOf(source: YamlFile): string[] {
  const include = isTree(source.value) ? source.value["include"] : undefined;
  const named = Array.isArray(include) ? include : include === undefined ? [] : [include];
  return named.map((one) => path.resolve(path.dirname(source.file), String(one)));
}

/** Reads a file and what it includes: the included ones first, in their order, the file itself on top. */
class IncludeReader {
  /** Lowest precedence first. */
  readonly sources: YamlFile[] = [];
  #files = 0;

  read(file: string, chain: readonly string[] = []): unknown {
    const source = readYamlFile(file);
    validate(source);
    warnOfSlip(source);
    const here = [...chain, realpathSync(file)];
    let merged: unknown = {};
    for (const included of includesOf(source)) merged = merge(merged, this.#include(included, here, source));
    this.sources.push(source);
    return merge(merged, readResilience(source));
  }

  #include(file: string, chain: readonly string[], from: YamlFile): unknown {
    const refuse = (message: string): never => {
      throw new ConfigError([from.issue(["include"], "value", message)]);
    };
    // Here the mistake can be mended: in the file that names it.
    if (!isFile(file)) refuse(`include names ${file}, which is not a file`);
    const identity = realpathSync(file);
    if (chain.includes(identity)) refuse(`include goes in a circle: ${[...chain, identity].join(" > ")}`);
    if (chain.length > DEEPEST_INCLUDE) {
      refuse(`include goes deeper than ${DEEPEST_INCLUDE} files: ${[...chain, identity].join(" > ")}`);
    }
    this.#files += 1;
    if (this.#files > MOST_FILES) refuse(`include reads more than ${MOST_FILES} files`);
    return this.read(file, chain);
  }
}

/** Throws a ConfigError where options do not go together, at the section or instance that says so last. */
function validateTogether(config: Tree, sources: readonly YamlFile[]): void {
  const check = (section: SectionName, layers: readonly Tree[], keys: KeyPath): void => {
    try {
      checkTogether(section, layers);
    } catch (error) {
      const source = sources.findLast((candidate) => candidate.has(keys));
      if (source === undefined || !(error instanceof Error)) throw error;
      throw new ConfigError([source.issue(keys, "key", `${keys.join(".")}: ${error.message}`)], {
        cause: error,
      });
    }
  };
  for (const section of Object.keys(sections) as SectionName[]) {
    const found = config[section];
    if (!isTree(found)) continue;
    const keys = ["resilience", SECTION_KEYS[section]];
    check(section, [found], keys);
    for (const [name, options] of Object.entries(isTree(found["instances"]) ? found["instances"] : {})) {
      if (isTree(options)) check(section, [found, options], [...keys, "instances", name]);
    }
  }
}

const optionRules: OptionRules<{ path: string | undefined; cwd: string; env: Environment }> = {
  path: optional(text(undefined)),
  cwd: text("."),
  env: custom<Environment>({
    fallback: {},
    allowed: "an object of variables",
    parse(value, label) {
      if (typeof value === "object" && value !== null) return value as Environment;
      throw new TypeError(`${label} must be an object of variables; got ${show(value)}.`);
    },
  }),
};

/**
 * Reads the configuration: `path`, else `$KSTLIB_CONFIG`, else `./kstlib.conf.yml`, else the user's
 * configuration folder, else nothing but built-in defaults. Synchronous: it runs once, at start-up.
 *
 * @returns a frozen configuration for `configure` or `new Registry`.
 * @throws TypeError for an option that is unknown or of the wrong type.
 * @throws ConfigError with file, line, column, the key's path, what was found and what is allowed.
 * @example
 * ```ts
 * import { CircuitBreaker, configure } from "@kstlib/resilience";
 * import { loadConfig } from "@kstlib/resilience/config";
 *
 * configure(loadConfig());
 * const breaker = new CircuitBreaker({ name: "payment-api" }); // as kstlib.conf.yml says
 * ```
 */
export function loadConfig(options?: LoadConfigOptions): ResilienceConfig {
  const {
    path: named,
    cwd,
    env,
  } = resolveOptions("loadConfig", optionRules, options, [{ cwd: process.cwd(), env: process.env }]);
  const file = findConfigFile({ path: named, cwd, env });
  if (file === undefined) return Object.freeze({});
  const reader = new IncludeReader();
  const merged = reader.read(file);
  if (isTree(merged)) validateTogether(merged, reader.sources);
  return checkConfiguration(merged as ResilienceConfig);
}
