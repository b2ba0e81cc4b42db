import { AsyncLocalStorage } from "node:async_hooks";
import { describe, expect, test } from "vitest";
import { type ExecutionContext, resilient } from "../../src/index.js";
import type { ResilientOptions } from "../../src/resilient-options.js";
import { ManualClock } from "../../src/testing/index.js";

const caller = new AsyncLocalStorage<string>();
const never = (): Promise<never> => new Promise(() => {});

/** What two callers' functions see, call by call, while time goes on. */
async function seenBy(
  options: ResilientOptions,
  work: (context: ExecutionContext) => unknown,
): Promise<unknown[]> {
  const clock = new ManualClock();
  const api = resilient({ ...options, clock });
  const seen: unknown[] = [];
  const ended = ["a", "b"].map((name) =>
    caller.run(name, () =>
      api
        .execute((context) => {
          seen.push(`${name} ${context.attempt}: ${caller.getStore()}`);
          return work(context);
        })
        .catch(() => {}),
    ),
  );
  for (let second = 0; second < 10; second++) await clock.advance("1s");
  await Promise.all(ended);
  return seen;
}

describe("a function runs in the async context of its own caller", () => {
  const retry = { attempts: 2, delay: 0, retryIf: () => true };
  const twice = ["a 1: a", "b 1: b", "a 2: a", "b 2: b"];

  test.each<[string, ResilientOptions]>([
    ["a timeout", { retry, timeout: "1s" }],
    ["a cooperative timeout", { retry, timeout: { timeout: "1s", cooperative: true } }],
    ["a timeout inside a circuit breaker", { retry, circuitBreaker: true, timeout: "1s" }],
    ["a timeout inside a bulkhead", { retry, bulkhead: true, timeout: "1s" }],
  ])("in the attempt after %s", async (_, options) => {
    const hangs = ({ signal }: ExecutionContext): Promise<never> =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    expect(await seenBy(options, hangs)).toEqual(twice);
  });

  test("in the attempt after a timeout of work that ignores its signal", async () => {
    expect(await seenBy({ retry, timeout: "1s" }, never)).toEqual(twice);
  });

  test.each<[string, ResilientOptions]>([
    ["a timeout", { timeout: "1s" }],
    ["a timeout around another one", { totalTimeout: "1s", timeout: "500ms" }],
  ])("also when %s aborts the signal that it listens to", async (_, options) => {
    const aborted: unknown[] = [];
    await seenBy(options, ({ signal }) => {
      const name = caller.getStore();
      signal.addEventListener("abort", () => aborted.push(`${name}: ${caller.getStore()}`));
      return never();
    });
    expect([...new Set(aborted)]).toEqual(["a: a", "b: b"]);
  });
});
