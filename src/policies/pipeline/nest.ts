import type { Work } from "../../kernel/base-policy.js";
import type { Component } from "../../kernel/component.js";
import type { ExecuteOptions, ExecutionContext } from "../../kernel/context.js";
import type { Policy, SyncPolicy } from "../../kernel/policy.js";

/** What a pipeline needs of a policy: one of this package, or anything with such an `execute`. */
export type AnyPolicy = Policy<unknown> & Partial<Pick<SyncPolicy<unknown>, "executeSync"> & Component>;

/** Runs a function under several policies. */
export type Nest = (fn: Work<unknown>, options: ExecuteOptions | undefined) => Promise<unknown>;

/**
 * Nests the policies, the first outermost. The functions that pass the context on declare no parameter, so that only the
 * application's own gets one that survives spreading. A policy that passes none on does not lose the outer one.
 */
export function nest([policy, ...others]: readonly [AnyPolicy, ...AnyPolicy[]]): Nest {
  const execute: Nest = (fn, options) => policy.execute(fn, options);
  const [next, ...rest] = others;
  if (next === undefined) return execute;
  const inner = nest([next, ...rest]);
  // oxlint-disable-next-line typescript/no-useless-default-assignment -- a policy from elsewhere may give no context
  return (fn, outer) => execute((context: ExecuteOptions | undefined = outer) => inner(fn, context), outer);
}

/** Runs a synchronous function under several policies. */
export type SyncNest = (
  fn: (context: ExecutionContext) => unknown,
  options: ExecuteOptions | undefined,
) => unknown;

/** {@link nest} for synchronous functions. Throws a TypeError where a policy cannot run them. */
export function nestSync(policies: readonly AnyPolicy[]): SyncNest {
  return policies.reduceRight<SyncNest>(
    (inner, policy) => {
      const { executeSync } = policy;
      if (executeSync === undefined) {
        const { name = "a policy" } = policy;
        throw new TypeError(
          `"${name}" cannot run a synchronous function: it cannot be ended or run twice at once. Use execute.`,
        );
      }
      return (fn, outer) =>
        executeSync.call(policy, (context: ExecuteOptions | undefined = outer) => inner(fn, context), outer);
    },
    (fn, context) => fn(context as ExecutionContext),
  );
}
