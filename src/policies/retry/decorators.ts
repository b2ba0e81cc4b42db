import {
  policyWrapper,
  type PolicyWrapper,
  syncPolicyWrapper,
  type SyncPolicyWrapper,
} from "../../kernel/policy-wrapper.js";
import { type RetryOptions, retryRules } from "./options.js";
import { Retry } from "./retry.js";

/** Calls a function again when it fails, or as a decorator a method; see {@link Retry}. */
export const retry: PolicyWrapper<RetryOptions, Retry> = policyWrapper(
  "retry",
  retryRules,
  (options) => new Retry(options),
);

/** {@link retry} for synchronous functions and methods: the thread sleeps between attempts. */
export const retrySync: SyncPolicyWrapper<RetryOptions, Retry> = syncPolicyWrapper(
  "retrySync",
  retryRules,
  (options) => new Retry(options),
);
