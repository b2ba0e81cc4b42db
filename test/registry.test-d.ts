import { expectTypeOf, test } from "vitest";
import type { CircuitBreaker } from "../src/circuit-breaker/circuit-breaker.js";
import type { CircuitState } from "../src/circuit-breaker/report.js";
import type { components } from "../src/descriptors.js";
import type { Component } from "../src/kernel/component.js";
import type { AdaptiveLimiter } from "../src/policies/adaptive-limiter/adaptive-limiter.js";
import type { Fallback } from "../src/policies/fallback/fallback.js";
import { Registry } from "../src/registry.js";
import type { RegistryEvent, RegistrySnapshot } from "../src/registry-report.js";

type Components = typeof components;

type Several<Name extends string> = Name extends "shutdown" | "health" | "chaos"
  ? Name
  : Name extends `${infer Stem}y`
    ? `${Stem}ies`
    : `${Name}s`;

test("the payload of a registry's listener is typed by kind and event", () => {
  new Registry().on((told) => {
    expectTypeOf(told.name).toEqualTypeOf<string>();
    if (told.kind !== "circuit-breaker" || told.event !== "stateChange") return;
    expectTypeOf(told.payload.to).toEqualTypeOf<CircuitState>();
  });
});

test("a pipeline has the parts that its configuration gives it, which only its user knows", () => {
  const api = new Registry().pipeline<null>("api");
  expectTypeOf(api.circuitBreaker).toEqualTypeOf<CircuitBreaker | undefined>();
  expectTypeOf(api.adaptiveLimiter).toEqualTypeOf<AdaptiveLimiter | undefined>();
  expectTypeOf(api.fallback).toEqualTypeOf<Fallback<null> | undefined>();
  expectTypeOf(api.call(parseInt, "5")).toEqualTypeOf<Promise<number | null>>();
  // @ts-expect-error no such part
  void api.rateLimit;
});

test("events and snapshots of a registry are those of all components in the list", () => {
  expectTypeOf<RegistryEvent["kind"]>().toEqualTypeOf<Components[keyof Components]["kind"]>();
  expectTypeOf<keyof RegistrySnapshot>().toEqualTypeOf<Several<keyof Components>>();
  expectTypeOf<Registry>().toExtend<Iterable<Component>>();
  expectTypeOf<keyof Components>().toExtend<keyof Registry>();
});
