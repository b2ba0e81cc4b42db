import { circuitBreakerRules } from "./circuit-breaker/options.js";
import { healthRules } from "./health/options.js";
import { heartbeatRules } from "./heartbeat/options.js";
import type { SectionName } from "./kernel/configured.js";
import { resolveOptions } from "./kernel/options.js";
import type { Rule } from "./kernel/rules.js";
import { keyedRateLimiterRules, limitsOf, rateLimiterRules } from "./rate-limiter/options.js";
import { checkDelay, shutdownRules } from "./shutdown/options.js";
import { checkTogether as checkPoll, watchdogRules } from "./watchdog/options.js";
import { watchedFileRules } from "./watchdog/watched-file.js";

type Options = Readonly<Record<string, unknown>>;

/** The rules of one section of the configuration, by option. */
export type SectionRules = Readonly<Record<string, Rule<unknown>>>;

function withoutName(rules: SectionRules): SectionRules {
  // An instance is named by its key under `instances`.
  const { name: _name, ...rest } = rules;
  return rest;
}

/** Every section and what can be said in it: the constructors' own rules. */
export const sections: Readonly<Record<SectionName, SectionRules>> = {
  circuitBreaker: withoutName({ ...circuitBreakerRules }),
  rateLimiter: withoutName({ ...rateLimiterRules, ...keyedRateLimiterRules }),
  shutdown: withoutName({ ...shutdownRules }),
  health: withoutName({ ...healthRules }),
  heartbeat: withoutName({ ...heartbeatRules }),
  watchdog: withoutName({ ...watchdogRules, ...watchedFileRules }),
};

/**
 * Throws what a constructor would say of options that are right one by one and do not go together.
 *
 * @param layers the section, then the instance.
 */
export function checkTogether(section: SectionName, layers: readonly Options[]): void {
  if (section === "rateLimiter") limitsOf(resolveOptions(section, rateLimiterRules, undefined, layers));
  if (section === "shutdown") checkDelay(resolveOptions(section, shutdownRules, undefined, layers));
  if (section === "watchdog") checkPoll(resolveOptions(section, watchdogRules, undefined, layers));
}
