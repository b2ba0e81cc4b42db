import { expectTypeOf, test } from "vitest";
import type { CircuitState } from "../src/circuit-breaker/report.js";
import type { components } from "../src/descriptors.js";
import type { Component } from "../src/kernel/component.js";
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

test("events and snapshots of a registry are those of all components in the list", () => {
  expectTypeOf<RegistryEvent["kind"]>().toEqualTypeOf<Components[keyof Components]["kind"]>();
  expectTypeOf<keyof RegistrySnapshot>().toEqualTypeOf<Several<keyof Components>>();
  expectTypeOf<Registry>().toExtend<Iterable<Component>>();
  expectTypeOf<keyof Components>().toExtend<keyof Registry>();
});
