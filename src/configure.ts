import { type ResilienceConfig, sections, SECTIONS_APART } from "./descriptors.js";
import { checkSection } from "./kernel/check-section.js";
import { type Configuration, pushConfiguration } from "./kernel/configured.js";
import type { SectionDescriptor } from "./kernel/descriptor.js";
import { frozenCopy } from "./kernel/frozen-copy.js";
import { unknownNames } from "./kernel/named.js";
import { checkKeys } from "./kernel/options.js";

type Options = Readonly<Record<string, unknown>>;

/**
 * Checks a configuration by the same rules as the constructors and returns a frozen copy. What the core does not
 * contain checks its own section when it is created.
 *
 * @throws TypeError or RangeError that names the key's path, what was given and what is allowed.
 */
export function checkConfiguration(config: ResilienceConfig): Configuration {
  const given: unknown = config;
  const known: Record<string, SectionDescriptor | undefined> = { ...sections };
  for (const name of SECTIONS_APART) known[name] = undefined;
  checkKeys("the configuration", known, given);
  const checked: Record<string, Options> = {};
  for (const [name, section] of Object.entries(known)) {
    const found = given[name];
    if (found === undefined) continue;
    if (section === undefined) checkKeys(name, Object(found), found);
    checked[name] =
      section === undefined ? (frozenCopy(found) as Options) : checkSection(name, section, found);
  }
  for (const { message } of unknownNames(sections, checked)) throw new TypeError(message);
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
