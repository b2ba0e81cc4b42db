import type { Wrapped } from "../../kernel/base-policy.js";
import {
  type PerInstance,
  type PolicyWrapper,
  policyWrapper,
  syncPolicyWrapper,
} from "../../kernel/policy-wrapper.js";
import type { AsyncDecorator, SyncDecorator } from "../../kernel/wrap.js";
import { Fallback } from "./fallback.js";
import { type FallbackOptions, fallbackRules } from "./options.js";

const wrap: PolicyWrapper<FallbackOptions, Fallback> = policyWrapper(
  "fallback",
  fallbackRules,
  (options) => new Fallback(options),
);
const wrapSync = syncPolicyWrapper<FallbackOptions, Fallback>(
  "fallbackSync",
  fallbackRules,
  (options) => new Fallback(options),
);

/** Answers in place of a function that fails, or as a decorator of a method; see {@link Fallback}. */
export function fallback<Value = never>(
  options: FallbackOptions<Value> & PerInstance,
): AsyncDecorator<Wrapped<Fallback<Value>>, Value>;
export function fallback(options: FallbackOptions & PerInstance): unknown {
  return wrap(options);
}

/** {@link fallback} for synchronous functions and methods. */
export function fallbackSync<Value = never>(
  options: FallbackOptions<Value> & PerInstance,
): SyncDecorator<Wrapped<Fallback<Value>>, PromiseLike<unknown>, Value>;
export function fallbackSync(options: FallbackOptions & PerInstance): unknown {
  return wrapSync(options);
}
