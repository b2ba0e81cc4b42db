import {
  type ComponentDescriptor,
  type Meanings,
  type SectionDescriptor,
  sectionRules,
} from "../../kernel/descriptor.js";
import { logged } from "../../kernel/log-line.js";
import { AdaptiveLimiter, type AdaptiveLimiterEvents } from "./adaptive-limiter.js";
import { type AdaptiveLimiterOptions, adaptiveLimiterRules, checkBounds, liveRules } from "./options.js";

export const section: SectionDescriptor = {
  rules: sectionRules(adaptiveLimiterRules),
  together: checkBounds,
};

export const component: ComponentDescriptor<AdaptiveLimiter, AdaptiveLimiterEvents> = {
  kind: "adaptive-limiter",
  events: {
    limit: logged("debug", ({ limit, previous }) => ({
      message: `the limit is ${limit}`,
      fields: { limit, previous },
    })),
    admitted: true,
    rejected: logged("debug", () => ({ message: "refused a call: full" })),
  },
  configured: {
    section: "adaptiveLimiter",
    rules: adaptiveLimiterRules,
    live: Object.keys(liveRules),
  },
  make: (options: AdaptiveLimiterOptions) => new AdaptiveLimiter(options),
};

export const meanings: Meanings = {
  means: "Limits how many calls run at once to what it learns that the service can handle.",
  options: {
    algorithm: { means: "what the limit follows: latency (gradient, vegas) or dropped calls only (aimd)" },
    initial: { means: "the limit at the start" },
    min: { means: "the lowest limit" },
    max: { means: "the highest limit" },
    maxQueue: { means: "how many calls may wait for one under way to end; the others are refused" },
  },
  instances: "search: { initial: 10, max: 100 }",
};
