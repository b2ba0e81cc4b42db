import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import type { Component } from "../../src/kernel/component.js";
import { join, livingComponents, observeLiving } from "../../src/kernel/living.js";
import { Printed } from "../../src/kernel/printed.js";

test("every component joins once, in the order in which they are made", () => {
  const made: readonly Component[] = [
    new CircuitBreaker({ name: "one" }),
    new CircuitBreaker({ name: "two" }),
  ];
  expect(livingComponents().filter((component) => made.includes(component))).toEqual(made);
});

test("100,000 short-lived components leave nothing", async () => {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  class Short extends Printed {
    readonly name = "short";
    snapshot(): { kind: string; name: string } {
      return { kind: "short", name: this.name };
    }
    on(): Disposable {
      return { [Symbol.dispose]() {} };
    }
  }
  using _observation = observeLiving();
  const kept = new Short();
  join(kept);
  const makeMany = (): void => {
    for (let index = 0; index < 1000; index++) join(new Short());
  };
  for (let round = 0; round < 100; round++) {
    makeMany();
    // What a job has made lives until its end.
    await new Promise((resolve) => setImmediate(resolve));
  }
  gc();
  await new Promise((resolve) => setImmediate(resolve));
  // Each of these may be the one that leaves out what was collected.
  for (let index = 0; index < 200_000; index++) join(kept);
  const others = livingComponents().filter((component) => component !== kept && component.name === "short");
  expect(others).toEqual([]);
});

test("while nobody looks, only the first thousand join", () => {
  const named = (name: string): CircuitBreaker[] =>
    Array.from({ length: 1100 }, () => new CircuitBreaker({ name }));
  const found = (name: string): number => livingComponents().filter((one) => one.name === name).length;
  const before = named("before");
  expect(found("before")).toBeLessThanOrEqual(1000);
  const observation = observeLiving();
  const during = named("during");
  expect(found("during")).toBe(during.length);
  observation[Symbol.dispose]();
  const after = named("after");
  expect([found("after"), before.length]).toEqual([0, after.length]);
});
