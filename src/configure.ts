import { type ResilienceConfig, sections } from "./descriptors.js";
import { type Configuration, pushConfiguration } from "./kernel/configured.js";
import type { SectionDescriptor, SectionRules } from "./kernel/descriptor.js";
import { checkKeys } from "./kernel/options.js";
import { isPlainObject } from "./kernel/plain-object.js";
import { show } from "./kernel/show.js";
import { checkTogether } from "./together.js";

type Options = Readonly<Record<string, unknown>>;

/** A frozen copy of data; functions, class instances and objects with symbol keys are left as they are. */
export function frozenCopy(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return Object.freeze(value.map(frozenCopy));
  if (!isPlainObject(value) || Object.getOwnPropertySymbols(value).length > 0) return value;
  return Object.freeze(
    Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, frozenCopy(inner)])),
  );
}

/** Options as given (frozen), and as parsed by their rules. */
interface Checked {
  readonly given: Options;
  readonly settings: Options;
}

function checkOptions(rules: SectionRules, options: unknown, path: string): Checked {
  checkKeys(path, rules, options);
  const given: [string, unknown][] = [];
  const settings: [string, unknown][] = [];
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const copy = frozenCopy(value);
    given.push([key, copy]);
    settings.push([key, rules[key]?.parse(copy, `${path}.${key}`)]);
  }
  return { given: Object.freeze(Object.fromEntries(given)), settings: Object.fromEntries(settings) };
}

function checkInstances(path: string, section: SectionDescriptor, own: Options, found: unknown): Options {
  if (typeof found !== "object" || found === null || Array.isArray(found)) {
    throw new TypeError(`${path} must be an object of options by name; got ${show(found)}.`);
  }
  const byName = Object.entries(found).map(([instance, options]: [string, unknown]) => {
    const checked = checkOptions(section.rules, options, `${path}.${instance}`);
    checkTogether(section, own, checked.settings);
    return [instance, checked.given] as const;
  });
  return Object.freeze(Object.fromEntries(byName));
}

function checkSection(name: string, section: SectionDescriptor, found: unknown): Options {
  const { rules } = section;
  if (section.isByName) {
    return Object.freeze({ instances: checkInstances(name, section, {}, found) });
  }
  checkKeys(name, { ...rules, instances: true }, found);
  const { instances, ...options } = found;
  const own = checkOptions(rules, options, name);
  checkTogether(section, own.settings);
  if (instances === undefined) return own.given;
  const checked = checkInstances(`${name}.instances`, section, own.settings, instances);
  return Object.freeze({ ...own.given, instances: checked });
}

/**
 * Checks a configuration by the same rules as the constructors and returns a frozen copy.
 *
 * @throws TypeError or RangeError that names the key's path, what was given and what is allowed.
 */
export function checkConfiguration(config: ResilienceConfig): Configuration {
  const given: unknown = config;
  checkKeys("the configuration", sections, given);
  const checked: Record<string, Options> = {};
  for (const [name, section] of Object.entries(sections)) {
    const found = given[name];
    if (found !== undefined) checked[name] = checkSection(name, section, found);
  }
  return Object.freeze(checked);
}

/**
 * Makes `config` the process-wide default that constructors read from now on. Existing components are not affected.
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
