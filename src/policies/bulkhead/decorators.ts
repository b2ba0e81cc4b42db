import {
  policyWrapper,
  type PolicyWrapper,
  syncPolicyWrapper,
  type SyncPolicyWrapper,
} from "../../kernel/policy-wrapper.js";
import { Bulkhead } from "./bulkhead.js";
import { type BulkheadOptions, bulkheadRules } from "./options.js";

/** Limits how many calls of a function, or as a decorator of a method, run at once; see {@link Bulkhead}. */
export const bulkhead: PolicyWrapper<BulkheadOptions, Bulkhead> = policyWrapper(
  "bulkhead",
  bulkheadRules,
  (options) => new Bulkhead(options),
);

/** {@link bulkhead} for synchronous functions and methods, which never wait. */
export const bulkheadSync: SyncPolicyWrapper<BulkheadOptions, Bulkhead> = syncPolicyWrapper(
  "bulkheadSync",
  bulkheadRules,
  (options) => new Bulkhead(options),
);
