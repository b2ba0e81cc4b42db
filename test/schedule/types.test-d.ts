import { expectTypeOf, test } from "vitest";
import type { Component } from "../../src/index.js";
import { type Boundary, TimeTrigger } from "../../src/schedule/index.js";

test("a step is a duration", () => {
  expectTypeOf(new TimeTrigger("4h")).toExtend<Component>();
  expectTypeOf(new TimeTrigger(60).nextBoundary()).toEqualTypeOf<Date>();
  expectTypeOf(new TimeTrigger(undefined, { name: "configured" }).waitForBoundary()).toEqualTypeOf<
    Promise<Boundary>
  >();
  // @ts-expect-error -- no unit of time
  void new TimeTrigger("4 hours");
  // @ts-expect-error -- the step is the first argument
  void new TimeTrigger("4h", { every: "1h" });
});

test("a listener gets what its event carries", () => {
  const trigger = new TimeTrigger("4h");
  trigger.on("boundary", (payload) => expectTypeOf(payload).toEqualTypeOf<Boundary>());
  trigger.on("error", ({ error }) => expectTypeOf(error).toEqualTypeOf<unknown>());
  // @ts-expect-error -- no such event
  trigger.on("tick", () => {});
});
