import { runInNewContext } from "node:vm";
import { describe, expect, test, vi } from "vitest";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import { Heartbeat } from "../../src/heartbeat/heartbeat.js";
import { disown } from "../../src/kernel/thenable.js";
import { watchdogContext } from "../../src/watchdog/context.js";

/** What a query builder makes: its `then` starts the query. */
class Query {
  runs = 0;

  // oxlint-disable-next-line unicorn/no-thenable -- what is tested
  then(fulfilled?: (rows: string[]) => unknown): unknown {
    this.runs++;
    return fulfilled?.(["row"]);
  }
}

/** A promise of the language that is lazy all the same. */
class LazyPromise extends Promise<void> {
  runs = 0;

  constructor() {
    super(() => {});
  }

  // oxlint-disable-next-line unicorn/no-thenable -- what is tested
  override then(): Promise<never> {
    this.runs++;
    return Promise.reject(new Error("started"));
  }
}

const isDone = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

describe.each([
  ["a query builder", () => new Query()],
  ["a promise of a class of its own", () => new LazyPromise()],
])("%s that is refused is not started", (_what, make) => {
  const breaker = new CircuitBreaker({ name: "lazy" });
  const judged = (answer: unknown): CircuitBreaker =>
    new CircuitBreaker({ isFailure: () => answer as boolean });

  test.each([
    ["callSync", (lazy: unknown) => breaker.callSync(() => lazy)],
    ["wrapSync", (lazy: unknown) => breaker.wrapSync(() => lazy)()],
    ["runSync", (lazy: unknown) => watchdogContext().runSync(() => lazy)],
    [
      "a heartbeat's metadata",
      (lazy: unknown) => new Heartbeat({ metadata: lazy as Record<string, string> }),
    ],
  ])("by %s", async (_method, refuse) => {
    const lazy = make();
    expect(() => refuse(lazy)).toThrow(TypeError);
    await isDone();
    expect(lazy.runs).toBe(0);
  });

  test("as the answer of a predicate", async () => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const lazy = make();
    await judged(lazy).call(() => 1);
    await isDone();
    expect(lazy.runs).toBe(0);
    expect(warned).toHaveBeenCalledTimes(1);
    warned.mockRestore();
  });
});

test("a query builder that is accepted runs once", async () => {
  const breaker = new CircuitBreaker();
  for (const run of [
    (query: Query) => breaker.call(() => query),
    (query: Query) => breaker.wrap(() => query)(),
    (query: Query) => breaker.execute(() => query as PromiseLike<unknown>),
  ]) {
    const query = new Query();
    expect(await run(query)).toEqual(["row"]);
    expect(query.runs).toBe(1);
  }
});

test("a rejection of a refused promise is not an unhandled one, whatever its realm", async () => {
  // Either would fail the whole run of these tests.
  disown(Promise.reject(new Error("unseen")));
  disown(runInNewContext("Promise.reject(new Error('unseen'))"));
  await isDone();
  expect.assertions(0);
});
