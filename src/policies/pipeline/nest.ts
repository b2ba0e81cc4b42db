import type { Component } from "../../kernel/component.js";
import { type ExecuteOptions, type ExecutionContext, readContext } from "../../kernel/context.js";
import { AS_IS, DIRECT, follow, type Inside, startOf } from "../../kernel/stage.js";
import type { Policy, SyncPolicy } from "../../kernel/policy.js";

/** A policy as far as a pipeline needs to know it: one of this package, or anything with its `execute`. */
export type AnyPolicy = Policy<unknown> & Partial<Pick<SyncPolicy<unknown>, "executeSync"> & Component>;

/**
 * The policies in one another, the first outermost. The functions that pass the context on declare no parameter: only
 * the application's own is given one that survives spreading. A policy that gives none does not lose the one outside.
 */
export function nest(policies: readonly AnyPolicy[]): Inside {
  return policies.reduceRight<Inside>((inside, policy) => {
    const start = startOf(policy);
    if (start !== undefined) return { start: (fn, context, next) => start(inside, fn, context, next) };
    return {
      start(fn, context, next) {
        const run = (given: ExecuteOptions | undefined = context): unknown =>
          inside.start(fn, readContext("execute", given), AS_IS);
        return follow(policy.execute(run, context), next);
      },
    };
  }, DIRECT);
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
          `"${name}" cannot run a synchronous function, which nothing can end or run twice at once; use execute.`,
        );
      }
      return (fn, outer) =>
        executeSync.call(policy, (context: ExecuteOptions | undefined = outer) => inner(fn, context), outer);
    },
    (fn, context) => fn(context as ExecutionContext),
  );
}
