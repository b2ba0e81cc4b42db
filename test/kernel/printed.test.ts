import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import type { Snapshot } from "../../src/kernel/component.js";
import { Printed } from "../../src/kernel/printed.js";
import { Heartbeat } from "../../src/heartbeat/heartbeat.js";
import { KeyedRateLimiter } from "../../src/rate-limiter/keyed-rate-limiter.js";
import { RateLimiter } from "../../src/rate-limiter/rate-limiter.js";
import { Registry } from "../../src/registry.js";
import { GracefulShutdown } from "../../src/shutdown/graceful-shutdown.js";
import { ManualClock } from "../../src/testing/index.js";
import { Watchdog } from "../../src/watchdog/watchdog.js";

const clock = new ManualClock();

/** One of everything that has a snapshot, on a clock that stands still. */
const components: readonly (readonly [string, { snapshot(): object }])[] = [
  ["CircuitBreaker", new CircuitBreaker({ clock })],
  ["RateLimiter", new RateLimiter({ clock })],
  ["KeyedRateLimiter", new KeyedRateLimiter({ clock })],
  ["GracefulShutdown", new GracefulShutdown({ clock })],
  ["Heartbeat", new Heartbeat({ clock })],
  ["Watchdog", new Watchdog({ clock })],
  ["StateFileWatchdog", Watchdog.fromStateFile("app.heartbeat", { clock })],
  ["Registry", new Registry()],
  ["ManualClock", clock],
];

describe.each(components)("%s", (name, component) => {
  test("prints its class and its snapshot", () => {
    const plain = inspect(component.snapshot(), { compact: false, depth: null });
    expect(inspect(component, { compact: false, depth: null })).toBe(`${name} ${plain}`);
  });

  test("is its snapshot as JSON", () => {
    expect(JSON.parse(JSON.stringify(component))).toEqual(component.snapshot());
  });

  test("names its flags as its properties are named: is and what it is", () => {
    const flags = Object.entries(component.snapshot()).filter(([, value]) => typeof value === "boolean");
    expect(flags.filter(([key]) => !/^is[A-Z]/.test(key))).toEqual([]);
    const own = flags.filter(([key]) => key in component);
    expect(own).toEqual(own.map(([key]) => [key, Reflect.get(component, key)]));
  });
});

describe("a component that is printed", () => {
  class Sample extends Printed {
    snapshot(): Snapshot & { readonly limit: number; readonly stats: object } {
      return { kind: "watchdog", name: "a", limit: Infinity, stats: { worst: -Infinity, mean: NaN } };
    }
  }

  test("writes numbers that JSON cannot express as text", () => {
    expect(JSON.stringify([new Sample()])).toBe(
      '[{"kind":"watchdog","name":"a","limit":"Infinity","stats":{"worst":"-Infinity","mean":"NaN"}}]',
    );
  });

  test("is formatted by Node: by depth, colours and width, wherever it stands", () => {
    const sample = new Sample();
    expect(inspect({ a: { b: { sample } } }, { depth: 2 })).toContain("sample: [Sample]");
    expect(inspect([sample], { depth: 1 })).toContain("stats: [Object]");
    expect(inspect(sample, { colors: true })).toContain("\u001B[33mInfinity\u001B[39m");
    expect(inspect(sample, { compact: false })).toContain("\n  limit: Infinity,\n");
    expect(inspect(sample, { customInspect: false })).toBe("Sample {}");
  });

  test("has the name of a class derived from it, and a prototype that prints as such", () => {
    class Mine extends CircuitBreaker {}
    expect(inspect(new Mine())).toMatch(/^Mine \{/);
    expect(inspect(CircuitBreaker.prototype)).not.toContain("kind");
  });
});

test("an object without a snapshot prints all the same: a proxy, a stub, one whose clock throws", () => {
  const broken = new ManualClock();
  const stopped = new RateLimiter({ clock: broken });
  broken.now = () => {
    throw new Error("no time");
  };
  const stub: object = Object.create(CircuitBreaker.prototype, { snapshot: { value: () => {} } });
  const proxy = new Proxy(new CircuitBreaker(), {});
  for (const odd of [stopped, stub, proxy]) {
    expect(inspect({ odd })).toMatch(/odd: \w+ \{\}/);
    expect(JSON.stringify({ odd })).toBe('{"odd":{}}');
  }
});

test("a permit says whether it was settled", () => {
  const permit = new CircuitBreaker().tryPermit();
  expect(inspect(permit)).toContain("isSettled: false");
  permit?.success();
  expect(JSON.stringify(permit)).toBe('{"isSettled":true}');
});
