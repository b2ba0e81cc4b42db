import { circuitBreakerRules } from "./circuit-breaker/options.js";
import { heartbeatRules } from "./heartbeat/options.js";
import type { SectionName } from "./kernel/configured.js";
import type { Rule } from "./kernel/rules.js";
import { keyedRateLimiterRules, rateLimiterRules } from "./rate-limiter/options.js";
import { shutdownRules } from "./shutdown/options.js";
import { watchdogRules } from "./watchdog/options.js";

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
  heartbeat: withoutName({ ...heartbeatRules }),
  watchdog: withoutName({ ...watchdogRules }),
};
