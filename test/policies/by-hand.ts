import { getEventListeners } from "node:events";
import { expect } from "vitest";
import type { ExecutionContext } from "../../src/kernel/context.js";

/** One call of the work, which the test ends. */
export interface Started<Value> {
  readonly context: ExecutionContext;
  readonly finish: (value: Value) => void;
  readonly fail: (reason: unknown) => void;
}

/** Work whose calls are ended by the test, one after the other or in any order. */
export function byHand<Value>() {
  const calls: Started<Value>[] = [];
  const fn = (context: ExecutionContext): Promise<Value> =>
    new Promise((finish, fail) => {
      calls.push({ context, finish, fail });
    });
  const at = (index: number): Started<Value> => calls[index] ?? expect.fail(`no call ${index}`);
  return { fn, calls, at };
}

/** What a promise rejects with. */
export function reasonOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => expect.fail("it has resolved"),
    (error: unknown) => error,
  );
}

export function listeners(signal: AbortSignal): number {
  return getEventListeners(signal, "abort").length;
}

export const never = (): Promise<never> => new Promise(() => {});
