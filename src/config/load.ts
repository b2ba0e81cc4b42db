import { sections } from "../all-sections.js";
import type { ResilienceConfig } from "../descriptors.js";
import { ConfigError, type ConfigIssue } from "../kernel/config-error.js";
import type { Configuration, Section } from "../kernel/configured.js";
import { frozenCopy } from "../kernel/frozen-copy.js";
import { messageOf } from "../kernel/message-of.js";
import { unknownNames } from "../kernel/named.js";
import { type OptionRules, resolveOptions, type SettingsFor } from "../kernel/options.js";
import { custom, optional, text } from "../kernel/rules.js";
import { show } from "../kernel/show.js";
import { checkTogether } from "../kernel/together.js";
import { warn } from "../kernel/warning.js";
import { type Environment, findConfigFile, homeOf } from "./discover.js";
import type { FileOptions, FileSections } from "./file-sections.js";
import { IncludeReader } from "./include.js";
import { toSnakeCase } from "../kernel/snake-case.js";
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

type Options = Readonly<Record<string, unknown>>;

function settingsOf(options: FileOptions): Options {
  return Object.fromEntries([...options].map(([name, { setting }]) => [name, setting]));
}

/** Throws a ConfigError for each section or instance whose options contradict one another, at its place in the last file that has it. */
function validateTogether(found: FileSections, sources: readonly YamlFile[]): void {
  const issues: ConfigIssue[] = [];
  for (const [name, section] of Object.entries(sections)) {
    const { own, instances = [] } = found.get(name) ?? {};
    if (own === undefined) continue;
    const check = (keys: KeyPath, ...layers: readonly Options[]): void => {
      try {
        checkTogether(section, ...layers);
      } catch (error) {
        const source = sources.findLast((candidate) => candidate.has(keys));
        if (source === undefined) throw error;
        issues.push(source.issue(keys, "key", `${keys.join(".")}: ${messageOf(error)}`));
      }
    };
    const keys = ["resilience", toSnakeCase(name)];
    const settings = settingsOf(own);
    check(keys, settings);
    for (const [instance, options] of instances) {
      check([...keys, "instances", instance], settings, settingsOf(options));
    }
  }
  const [first, ...more] = issues;
  if (first !== undefined) throw new ConfigError([first, ...more]);
}

function givenOptions(options: FileOptions): Options {
  return Object.fromEntries([...options].map(([name, { given }]) => [name, given]));
}

/** The configuration of the files, as the kernel sees it; the options are checked already. */
function configurationOf(found: FileSections): Configuration {
  const bySection = [...found].map(([name, { own, instances }]): [string, Section] => {
    if (instances === undefined) return [name, givenOptions(own)];
    const byName = [...instances].map(([instance, options]) => [instance, givenOptions(options)] as const);
    return [name, { ...givenOptions(own), instances: Object.fromEntries(byName) }];
  });
  return Object.fromEntries(bySection);
}

/** Throws a ConfigError for each name of something that the files do not have, at its place in the last file that has it. */
function validateNames(configuration: Configuration, sources: readonly YamlFile[]): void {
  const unknown = [...unknownNames(sections, configuration, ["resilience"], toSnakeCase)];
  const [first, ...more] = unknown.map(({ keys, message }): ConfigIssue => {
    const source = sources.findLast((candidate) => candidate.has(keys));
    if (source === undefined) throw new TypeError(message);
    return source.issue(keys, "value", message);
  });
  if (first !== undefined) throw new ConfigError([first, ...more]);
}

/** The configuration of the files, as `configure` takes it. */
function configOf(configuration: Configuration): ResilienceConfig {
  const bySection = Object.entries(configuration).map(([name, section]) => [
    name,
    sections[name]?.isByName ? section.instances : section,
  ]);
  return frozenCopy(Object.fromEntries(bySection)) as ResilienceConfig;
}

/** Checked {@link LoadConfigOptions}. */
export type LoadSettings = SettingsFor<
  LoadConfigOptions,
  { path: string | undefined; cwd: string; env: Environment }
>;

/** What each option of {@link loadConfig} may be. */
export const loadRules: OptionRules<LoadSettings> = {
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
  /** Likely mistakes that might be keys of another program. */
  readonly slips: readonly Slip[];
  readonly config: ResilienceConfig;
}

/** The settings of what reads a configuration: the working directory and the environment are those of this moment. */
export function resolveLoad<Settings extends LoadSettings>(
  component: string,
  rules: OptionRules<Settings>,
  options: LoadConfigOptions | undefined,
): Readonly<Settings> {
  return resolveOptions(component, rules, options, [{ cwd: process.cwd(), env: process.env }]);
}

/**
 * {@link loadConfig} with details: the files read, and likely mistakes.
 *
 * @param looked receives the path of each file that was checked, even when this throws.
 */
export function readConfig(settings: LoadSettings, looked: Set<string> = new Set()): ReadConfig {
  const { file, twin } = findConfigFile(settings, looked);
  if (file === undefined) return { file, sources: [], slips: [], config: Object.freeze({}) };
  const reader = new IncludeReader(() => homeOf(settings.env), looked);
  const found = reader.read(file);
  const { sources, slips } = reader;
  if (twin !== undefined) {
    const message = `${twin} is not read, because ${file} is in the same folder; keep one of them.`;
    slips.push({ code: "KSTLIB_CONFIG_FILE", file: twin, message, isTotal: false });
  }
  validateTogether(found, sources);
  const configuration = configurationOf(found);
  validateNames(configuration, sources);
  return { file, sources, slips, config: configOf(configuration) };
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
  const { config, slips } = readConfig(resolveLoad("loadConfig", loadRules, options));
  for (const { code, message } of slips) warn(code, message);
  return config;
}
