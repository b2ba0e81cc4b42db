import type { Wrapped } from "./base-policy.js";
import type { AsyncWrapper, SyncWrapper } from "./wrap.js";
import { type Run, wrapCalls, wrapperFunction } from "./wrapper.js";

/** An option of every wrapper and decorator. */
export interface PerInstance {
  /** Each instance of a class with a decorated method has a policy of its own. Default `false`: one for all instances. */
  readonly perInstance?: boolean | undefined;
}

/**
 * Protects a function, or as a decorator a method, with a policy of its own: `name(fn)`, `name(options)(fn)`,
 * `@name`, `@name(options)`. The result always returns a promise and has the policy as `.policy`. One call with options
 * makes one policy: everything that its result wraps shares it, as do all instances of a class, unless `perInstance` is set.
 *
 * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range.
 */
export type PolicyWrapper<Options extends object, Owned, Instead = never> = AsyncWrapper<
  Options & PerInstance,
  Wrapped<Owned>,
  Instead
>;

/** A {@link PolicyWrapper} for synchronous functions and methods, which stay synchronous. */
export type SyncPolicyWrapper<Options extends object, Owned, Instead = never> = SyncWrapper<
  Options & PerInstance,
  Wrapped<Owned>,
  PromiseLike<unknown>,
  Instead
>;

type Caller<Owned> = (policy: Owned, run: Run, self: unknown, args: readonly unknown[]) => unknown;

function wrapperOf<Owned>(
  name: string,
  policyRules: object,
  make: (options: object) => Owned,
  call: Caller<Owned>,
): (first?: object, context?: unknown, descriptor?: unknown) => unknown {
  return wrapperFunction({
    name,
    recipe: "Iterate in a function of your own, and wrap that.",
    policyRules,
    rules: {},
    make,
    wrapWith: () => (policies, fn) => wrapCalls("policy", policies, fn, call),
  });
}

/** The wrapper and decorator of one kind of policy. */
export function policyWrapper<Options extends object, Owned, Instead = never>(
  name: string,
  rules: object,
  make: (options: object) => Owned & { call(run: Run, ...args: unknown[]): Promise<unknown> },
): PolicyWrapper<Options, Owned, Instead> {
  // The overloads are what the implementation gives for a function and for options.
  return wrapperOf(name, rules, make, (policy, run, _self, args) =>
    policy.call(run, ...args),
  ) as PolicyWrapper<Options, Owned, Instead>;
}

/** The wrapper and decorator for synchronous functions. */
export function syncPolicyWrapper<Options extends object, Owned, Instead = never>(
  name: string,
  rules: object,
  make: (options: object) => Owned & { callSync(run: Run, ...args: unknown[]): unknown },
): SyncPolicyWrapper<Options, Owned, Instead> {
  return wrapperOf(name, rules, make, (policy, run, _self, args) =>
    policy.callSync(run, ...args),
  ) as SyncPolicyWrapper<Options, Owned, Instead>;
}
