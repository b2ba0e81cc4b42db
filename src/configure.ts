import type { CircuitBreakerOptions } from "./circuit-breaker/options.js";
import type { HealthOptions } from "./health/options.js";
import type { HeartbeatOptions } from "./heartbeat/options.js";
import { type Configuration, pushConfiguration, type SectionName } from "./kernel/configured.js";
import { checkKeys } from "./kernel/options.js";
import { show } from "./kernel/show.js";
import type { KeyedRateLimiterOptions, RateLimiterOptions } from "./rate-limiter/options.js";
import { checkTogether, type SectionRules, sections } from "./sections.js";
import type { GracefulShutdownOptions } from "./shutdown/options.js";
import type { WatchdogOptions } from "./watchdog/options.js";
import type { WatchedFileOptions } from "./watchdog/watched-file.js";

/** Options for all instances of a kind, and by the instance's `name`. */
export type ConfigSection<Component> = Readonly<Omit<Component, "name">> & {
  readonly instances?: Readonly<Record<string, Readonly<Omit<Component, "name">>>> | undefined;
};

/**
 * Defaults for every component, as `loadConfig` reads them from `kstlib.conf.yml` or as written in code.
 * Precedence: built-in defaults < the section < `instances.<name>` < constructor options.
 */
export interface ResilienceConfig {
  readonly circuitBreaker?: ConfigSection<CircuitBreakerOptions> | undefined;
  readonly rateLimiter?: ConfigSection<RateLimiterOptions & KeyedRateLimiterOptions> | undefined;
  readonly shutdown?: ConfigSection<GracefulShutdownOptions> | undefined;
  readonly health?: ConfigSection<HealthOptions> | undefined;
  readonly heartbeat?: ConfigSection<HeartbeatOptions> | undefined;
  readonly watchdog?: ConfigSection<WatchdogOptions & WatchedFileOptions> | undefined;
}

type Options = Readonly<Record<string, unknown>>;

function isPlain(value: object): boolean {
  const parent: object | null = Object.getPrototypeOf(value);
  // The prototype of all objects has none itself; another realm has its own.
  return parent === null || Object.getPrototypeOf(parent) === null;
}

/** A frozen copy of data; functions, instances of classes and what has symbols for keys stay what they are. */
function frozenCopy(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return Object.freeze(value.map(frozenCopy));
  if (!isPlain(value) || Object.getOwnPropertySymbols(value).length > 0) return value;
  return Object.freeze(
    Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, frozenCopy(inner)])),
  );
}

function checkOptions(rules: SectionRules, options: unknown, path: string): Options {
  checkKeys(path, rules, options);
  const checked: [string, unknown][] = [];
  for (const [key, given] of Object.entries(options)) {
    if (given === undefined) continue;
    const value = frozenCopy(given);
    rules[key]?.parse(value, `${path}.${key}`);
    checked.push([key, value]);
  }
  return Object.freeze(Object.fromEntries(checked));
}

function checkSection(name: SectionName, section: unknown): Options {
  const rules = sections[name];
  checkKeys(name, { ...rules, instances: true }, section);
  const { instances, ...given } = section;
  const own = checkOptions(rules, given, name);
  checkTogether(name, [own]);
  if (instances === undefined) return own;
  if (typeof instances !== "object" || instances === null || Array.isArray(instances)) {
    throw new TypeError(`${name}.instances must be an object of options by name; got ${show(instances)}.`);
  }
  const byName = Object.entries(instances).map(([instance, options]: [string, unknown]) => {
    const checked = checkOptions(rules, options, `${name}.instances.${instance}`);
    checkTogether(name, [own, checked]);
    return [instance, checked] as const;
  });
  return Object.freeze({ ...own, instances: Object.freeze(Object.fromEntries(byName)) });
}

/**
 * Checks a configuration by the same rules as the constructors and returns a frozen copy.
 *
 * @throws TypeError or RangeError that names the key's path, what was given and what is allowed.
 */
export function checkConfiguration(config: ResilienceConfig): Configuration {
  checkKeys("the configuration", sections, config);
  const checked: { -readonly [Name in SectionName]?: Options } = {};
  for (const name of Object.keys(sections) as SectionName[]) {
    const section: unknown = config[name];
    if (section !== undefined) checked[name] = checkSection(name, section);
  }
  return Object.freeze(checked);
}

/**
 * Makes `config` the process-wide default that constructors read from now on. Components that exist already
 * keep what they have.
 *
 * @returns a `Disposable` that restores the previous default.
 * @throws TypeError or RangeError that names the key's path.
 * @example
 * ```ts
 * import { CircuitBreaker, configure } from "@kstlib/resilience";
 *
 * using _defaults = configure({
 *   circuitBreaker: { maxFailures: 5, instances: { "payment-api": { maxFailures: 3, resetTimeout: "10s" } } },
 * });
 * const breaker = new CircuitBreaker({ name: "payment-api" }); // opens after 3 failures, for 10 seconds
 * ```
 */
export function configure(config: ResilienceConfig): Disposable {
  return pushConfiguration(checkConfiguration(config));
}
