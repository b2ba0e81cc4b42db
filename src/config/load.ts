import { checkConfiguration, type ResilienceConfig } from "../configure.js";
import { ConfigError, type ConfigIssue } from "../kernel/config-error.js";
import type { SectionName } from "../kernel/configured.js";
import { isError } from "../kernel/is-error.js";
import { type OptionRules, resolveOptions } from "../kernel/options.js";
import { custom, optional, text } from "../kernel/rules.js";
import { show } from "../kernel/show.js";
import { warn } from "../kernel/warning.js";
import { checkTogether, sections } from "../sections.js";
import { type Environment, findConfigFile, homeOf } from "./discover.js";
import { IncludeReader } from "./include.js";
import { isTree, SECTION_KEYS, type Tree } from "./names.js";
import type { Slip } from "./slips.js";
import type { KeyPath, YamlFile } from "./yaml-file.js";

/** Where {@link loadConfig} looks. */
export interface LoadConfigOptions {
  /** The file itself, relative to `cwd`; nothing else is searched then. */
  readonly path?: string | undefined;
  /** Default: the working directory. */
  readonly cwd?: string | undefined;
  /** Default: `process.env`. */
  readonly env?: Environment | undefined;
}

/** Throws a ConfigError that tells where options do not go together: the section or instance that says so last. */
function validateTogether(config: Tree, sources: readonly YamlFile[]): void {
  const issues: ConfigIssue[] = [];
  const check = (section: SectionName, layers: readonly Tree[], keys: KeyPath): void => {
    try {
      checkTogether(section, layers);
    } catch (error) {
      const source = sources.findLast((candidate) => candidate.has(keys));
      if (source === undefined || !isError(error)) throw error;
      issues.push(source.issue(keys, "key", `${keys.join(".")}: ${error.message}`));
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
  const [first, ...more] = issues;
  if (first !== undefined) throw new ConfigError([first, ...more]);
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

/** A configuration and where it comes from. */
export interface ReadConfig {
  /** The file that was found or named; `undefined` when there is none. */
  readonly file: string | undefined;
  /** It and all that it includes, lowest precedence first. */
  readonly sources: readonly YamlFile[];
  /** What is most likely a slip and cannot be told from a key of another program. */
  readonly slips: readonly Slip[];
  readonly config: ResilienceConfig;
}

/** What {@link loadConfig} does, with all that it finds out on the way. */
export function readConfig(options?: LoadConfigOptions): ReadConfig {
  const {
    path: named,
    cwd,
    env,
  } = resolveOptions("loadConfig", optionRules, options, [{ cwd: process.cwd(), env: process.env }]);
  const { file, twin } = findConfigFile({ path: named, cwd, env });
  if (file === undefined) return { file, sources: [], slips: [], config: Object.freeze({}) };
  const reader = new IncludeReader(() => homeOf(env));
  const merged = reader.read(file);
  const { sources, slips } = reader;
  if (twin !== undefined) {
    const message = `${twin} is not read, because ${file} stands beside it; keep one of them.`;
    slips.push({ code: "KSTLIB_CONFIG_FILE", file: twin, message, isTotal: false });
  }
  if (isTree(merged)) validateTogether(merged, sources);
  return { file, sources, slips, config: checkConfiguration(merged as ResilienceConfig) };
}

/**
 * Reads the configuration: `path`, else `$KSTLIB_CONFIG`, else `./kstlib.conf.yml`, else that file in the user's
 * folders, else nothing but built-in defaults. `~/` in a path is the home folder, and the file may also end in
 * `.yaml`. Synchronous: it runs once, at start-up.
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
  const { config, slips } = readConfig(options);
  for (const { code, message } of slips) warn(code, message);
  return config;
}
