import type { Wrapped } from "../../kernel/base-policy.js";
import { type PerInstance, policyWrapper, type PolicyWrapper } from "../../kernel/policy-wrapper.js";
import type { AsyncDecorator } from "../../kernel/wrap.js";
import { Chaos } from "./chaos.js";
import { type ChaosOptions, chaosRules } from "./options.js";

const wrap: PolicyWrapper<ChaosOptions, Chaos<unknown>> = policyWrapper(
  "chaos",
  chaosRules,
  (options) => new Chaos<unknown>(options),
);

/** Injects faults into calls of a function, or as a decorator of a method; see {@link Chaos}. */
export function chaos<Value = never>(
  options?: ChaosOptions<Value> & PerInstance,
): AsyncDecorator<Wrapped<Chaos<Value>>, Value>;
export function chaos(options?: ChaosOptions & PerInstance): unknown {
  return wrap(options);
}
