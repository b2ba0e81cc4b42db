import type { Component } from "../../kernel/component.js";
import { type ExecuteOptions, type ExecutionContext, readContext } from "../../kernel/context.js";
import { AS_IS, DIRECT, type Inside, startOf } from "../../kernel/stage.js";
import type { Policy, SyncPolicy } from "../../kernel/policy.js";

/** What a pipeline needs of a policy: one of this package, or anything with such an `execute`. */
export type AnyPolicy = Policy<unknown> & Partial<Pick<SyncPolicy<unknown>, "executeSync"> & Component>;

/**
 * Nests the policies, the first outermost. The functions that pass the context on declare no parameter, so that only the
 * application's own gets one that survives spreading. A policy that passes none on does not lose the outer one.
 */
export function nest(policies: readonly AnyPolicy[]): Inside {
  return policies.reduceRight<Inside>((inside, policy) => {
    const start = startOf(policy);
    if (start !== undefined) return { start: (fn, context, next) => start(inside, fn, context, next) };
    return {
      start(fn, context, next) {
        const run = (given: ExecuteOptions | undefined = context): unknown =>
          inside.start(fn, readContext("execute", given), AS_IS);
        // Those outside have something to give back also when it throws instead of rejecting.
        return DIRECT.start(() => policy.execute(run, context), context, next);
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
          `"${name}" cannot run a synchronous function: it cannot be ended or run twice at once. Use execute.`,
        );
      }
      return (fn, outer) =>
        executeSync.call(policy, (context: ExecuteOptions | undefined = outer) => inner(fn, context), outer);
    },
    (fn, context) => fn(context as ExecutionContext),
  );
}

/** A key for each policy: its name, or its kind where several have that name; numbered where that is taken as well. */
export function keysOf(policies: readonly AnyPolicy[]): readonly string[] {
  const names = policies.map(({ name }) => name);
  const keys = new Set<string>();
  for (const policy of policies) {
    const { name } = policy;
    const isUnique = name !== undefined && names.indexOf(name) === names.lastIndexOf(name);
    const wanted = isUnique ? name : (policy.snapshot?.().kind ?? "policy");
    let key = wanted;
    for (let count = 2; keys.has(key); count++) key = `${wanted}-${count}`;
    keys.add(key);
  }
  return [...keys];
}
