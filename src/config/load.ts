import { sections } from "../all-sections.js";
import type { ResilienceConfig } from "../descriptors.js";
import type { Configuration, Section } from "../kernel/configured.js";
import { frozenCopy } from "../kernel/frozen-copy.js";
import { type OptionRules, resolveOptions, type SettingsFor } from "../kernel/options.js";
import { custom, optional, text } from "../kernel/rules.js";
import { show } from "../kernel/show.js";
import { warn } from "../kernel/warning.js";
import { type Environment, findConfigFile, homeOf } from "./discover.js";
import type { FileSections } from "./file-sections.js";
import { IncludeReader } from "./include.js";
import type { Slip } from "./slips.js";
import { checkWhole } from "./whole.js";
import type { YamlFile } from "./yaml-file.js";

/** Where {@link loadConfig} looks. */
export interface LoadConfigOptions {
  /** The file itself, relative to `cwd`; nothing else is searched then. */
  readonly path?: string | undefined;
  /** Default: the working directory. */
  readonly cwd?: string | undefined;
  /** Default: `process.env`. */
  readonly env?: Environment | undefined;
}

/** The configuration of the files, as the kernel sees it; the options are checked already. */
function configurationOf(found: FileSections): Configuration {
  const bySection = [...found].map(([name, { own, instances }]): [string, Section] => {
    if (instances === undefined) return [name, Object.fromEntries(own)];
    const byName = [...instances].map(
      ([instance, options]) => [instance, Object.fromEntries(options)] as const,
    );
    return [name, { ...Object.fromEntries(own), instances: Object.fromEntries(byName) }];
  });
  return Object.fromEntries(bySection);
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
  const configuration = configurationOf(found);
  checkWhole(configuration, sources);
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
