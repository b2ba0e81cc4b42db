import { logged } from "../kernel/log-line.js";
import {
  type ComponentDescriptor,
  type Meanings,
  type SectionDescriptor,
  sectionRules,
} from "../kernel/descriptor.js";
import { flag } from "../kernel/rules.js";
import { KeyedRateLimiter } from "./keyed-rate-limiter.js";
import type { KeyedRateLimiterEvents } from "./keyed-report.js";
import { type KeyedRateLimiterOptions, keyedRateLimiterRules } from "./keyed-options.js";
import { refused } from "./log-rules.js";
import { limitsOf, liveRules, type RateLimiterOptions, rateLimiterRules } from "./options.js";
import { RateLimiter } from "./rate-limiter.js";
import type { RateLimiterEvents } from "./report.js";

export const section: SectionDescriptor = {
  rules: { ...sectionRules(rateLimiterRules, keyedRateLimiterRules), shared: flag(false) },
  // The names in the Python original, whose section holds defaults.
  aliases: { rate: "default_rate", per: "default_per" },
  together: limitsOf,
};

export const component: ComponentDescriptor<RateLimiter, RateLimiterEvents> = {
  kind: "rate-limiter",
  events: {
    acquired: true,
    rejected: refused,
  },
  configured: { section: "rateLimiter", rules: rateLimiterRules, live: Object.keys(liveRules) },
  make: (options: RateLimiterOptions) => new RateLimiter(options),
};

export const keyedComponent: ComponentDescriptor<KeyedRateLimiter, KeyedRateLimiterEvents> = {
  kind: "keyed-rate-limiter",
  events: {
    acquired: true,
    rejected: refused,
    evicted: logged("debug", () => ({ message: "forgot a key before its bucket was full" })),
  },
  configured: { section: "rateLimiter", rules: keyedRateLimiterRules, live: Object.keys(liveRules) },
  make: (options: KeyedRateLimiterOptions) => new KeyedRateLimiter(options),
};

export const meanings: Meanings = {
  means: "Limits how many calls are made in a period.",
  options: {
    rate: { means: "calls in each period" },
    per: { means: "the period" },
    burst: {
      means: "how many calls at once after a pause; without it, as many as in a period",
      example: "50",
    },
    maxQueue: { means: "how many calls may wait; without it, any number", example: "100" },
    maxKeys: { means: "keyed limiter: how many keys it knows at most" },
    limits: {
      means: "keyed limiter: separate limits for some keys",
      example: '{ "tenant 7": { rate: 50 } }',
    },
    onFull: { means: "keyed limiter: what happens to a new key when that many are known" },
    shared: { means: "whether it is one limit for all processes, in Redis" },
    maxKeyLength: { means: "keyed limiter: longer keys are stored as their hash" },
  },
  instances: "exchange: { rate: 1200, per: 1m, burst: 50 }",
};
