import { policyWrapper, type PolicyWrapper } from "../../kernel/policy-wrapper.js";
import { AdaptiveLimiter } from "./adaptive-limiter.js";
import { type AdaptiveLimiterOptions, adaptiveLimiterRules } from "./options.js";

/** Limits how many calls of a function, or of a method, run at once, as the service can do; see {@link AdaptiveLimiter}. */
export const adaptiveLimiter: PolicyWrapper<AdaptiveLimiterOptions, AdaptiveLimiter> = policyWrapper(
  "adaptiveLimiter",
  adaptiveLimiterRules,
  (options) => new AdaptiveLimiter(options),
);
