import { policyWrapper, type PolicyWrapper } from "../../kernel/policy-wrapper.js";
import { type TimeoutOptions, timeoutRules } from "./options.js";
import { Timeout } from "./timeout.js";

/** Ends calls of a function, or as a decorator of a method, that take too long; see {@link Timeout}. */
export const timeout: PolicyWrapper<TimeoutOptions, Timeout> = policyWrapper(
  "timeout",
  timeoutRules,
  (options) => new Timeout(options),
);
