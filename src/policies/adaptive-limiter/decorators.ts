import { policyWrapper, type PolicyWrapper } from "../../kernel/policy-wrapper.js";
import { AdaptiveLimiter } from "./adaptive-limiter.js";
import { type AdaptiveLimiterOptions, adaptiveLimiterRules } from "./options.js";

/** Limits how many calls of a function or a method run at once to what the service can handle; see {@link AdaptiveLimiter}. */
export const adaptiveLimiter: PolicyWrapper<AdaptiveLimiterOptions, AdaptiveLimiter> = policyWrapper(
  "adaptiveLimiter",
  adaptiveLimiterRules,
  (options) => new AdaptiveLimiter(options),
);
