import { describe, expect, test } from "vitest";
import { toSnakeCase } from "../../../src/kernel/snake-case.js";
import { configure } from "../../../src/configure.js";
import type { ResilienceConfig } from "../../../src/descriptors.js";
import { resilienceInterceptor, resilientFetch } from "../../../src/http/index.js";
import { Registry } from "../../../src/registry.js";
import { Bulkhead, KeyedRateLimiter, pipeline, Retry, SingleFlight, Timeout } from "../../../src/index.js";
import { resilient } from "../../../src/resilient.js";
import { sections } from "../../../src/descriptors.js";
import { partRules } from "../../../src/resilient-options.js";

/** Each part and the section that has its instances. */
const parts = Object.keys(partRules).map((part) => [part, part === "totalTimeout" ? "timeout" : part]);

const config = {
  ...Object.fromEntries(parts.map(([, section]) => [section, { instances: { patient: {}, quick: {} } }])),
  fallback: { to: null, instances: { patient: {}, quick: {} } },
} as ResilienceConfig;

describe.each(parts)("a text as %s", (part, section = "") => {
  const made: [string, (options: object) => unknown][] = [
    ["resilient", (options) => resilient(options)],
    ["resilientFetch", (options) => resilientFetch(options)],
    ["Registry.pipeline", (options) => new Registry().pipeline("api", options)],
  ];
  if (part !== "fallback") made.push(["resilienceInterceptor", (options) => resilienceInterceptor(options)]);

  test.each(made)(
    "that is no name of its section is refused by %s, with the names that there are",
    (_, make) => {
      const place = `a name in ${toSnakeCase(section)}.instances of the configuration`;
      const says = (text: string): RegExp =>
        new RegExp(`^${part} must be .*${place.replaceAll(".", "\\.")}; got ${text}$`);
      for (const name of ["nope", "toString"]) {
        expect(() => make({ [part]: name })).toThrow(says(`"${name}"; no configuration is loaded`));
      }
      using _configured = configure(config);
      expect(() => make({ [part]: "patiant" })).toThrow(says('"patiant"; did you mean patient\\?'));
      expect(() => make({ [part]: "else" })).toThrow(says('"else"; known are patient, quick'));
      make({ [part]: "patient" });
    },
  );

  test("that is no name is refused in a configuration in code, by its path", () => {
    const pipelines = { api: { [part]: "else" } } as ResilienceConfig["pipelines"];
    const says = new RegExp(`^pipelines\\.api\\.${part} must be .*; got "else"; known are patient, quick$`);
    expect(() => configure({ ...config, pipelines })).toThrow(says);
    expect(() => new Registry({ ...config, pipelines })).toThrow(says);
  });
});

test("every part has a section of instances", () => {
  for (const [, section = ""] of parts) expect(Object.keys(sections)).toContain(section);
});

describe("a registry", () => {
  test("takes the name of what was made in code, and refuses it once it is released", async () => {
    await using registry = new Registry();
    const breaker = registry.circuitBreaker("payments", { maxFailures: 2 });
    const timeout = registry.timeout("slow", { timeout: 9 });
    const api = registry.pipeline("a", { circuitBreaker: "payments", totalTimeout: "slow", timeout: "slow" });
    expect(api.policies).toEqual([timeout, breaker, timeout]);
    const says = (text: string): string =>
      `circuitBreaker must be a name in circuit_breaker.instances of the configuration; got ${text}`;
    expect(() => registry.pipeline("b", { circuitBreaker: "paymants" })).toThrow(
      says('"paymants"; did you mean payments?'),
    );
    // A pipeline of that name is none of its breakers.
    expect(() => registry.pipeline("b", { circuitBreaker: "a" })).toThrow(says('"a"; known are payments'));
    await registry.release("circuit-breaker", "payments");
    expect(() => registry.pipeline("b", { circuitBreaker: "payments" })).toThrow(
      says('"payments"; no configuration is loaded'),
    );
    expect(() => resilient({ circuitBreaker: "a" })).toThrow(says('"a"; no configuration is loaded'));
    using _configured = configure({ retry: { attempts: 2 } });
    expect(() => resilient({ circuitBreaker: "a" })).toThrow(says('"a"; there are none'));
  });

  test("takes the name of a budget that was made in code", async () => {
    await using registry = new Registry();
    expect(() => registry.retry("a", { budget: "shared" })).toThrow(/budget must be a name/);
    const budget = registry.retryBudget("shared", { ratio: 0, minPerSecond: 0 });
    const down = (): Promise<never> => Promise.reject(new Error("down"));
    await expect(registry.retry("a", { budget: "shared", delay: 0 }).execute(down)).rejects.toThrow("down");
    await expect(
      registry.pipeline("p", { retry: { budget: "shared", delay: 0 } }).execute(down),
    ).rejects.toThrow("down");
    expect(budget.stats).toEqual({ totalCalls: 2, extraAttempts: 0, suppressed: 2 });
  });

  test("takes no name of another registry", async () => {
    await using one = new Registry();
    await using other = new Registry();
    one.retry("mine");
    expect(() => other.pipeline("a", { retry: "mine" })).toThrow(/no configuration is loaded$/);
  });
});

test("options with a name of their own are a new instance, configured or not", () => {
  using _configured = configure(config);
  const api = resilient({ retry: { name: "fresh", attempts: 2 }, circuitBreaker: { name: "patient" } });
  expect([api.retry.name, api.circuitBreaker.name]).toEqual(["fresh", "patient"]);
  resilientFetch({ retry: { name: "fresh" } });
});

test("a client for HTTP keeps to the names that it was made with, whatever the configuration is later", async () => {
  const fetch = async (): Promise<Response> => new Response("well");
  const make = (): typeof globalThis.fetch => {
    using _configured = configure(config);
    const named = { rateLimiter: "quick", circuitBreaker: "quick", retry: "patient", timeout: "quick" };
    return resilientFetch({ ...named, totalTimeout: "patient", fetch });
  };
  expect(await (await make()("https://shop.test/")).text()).toBe("well");
});

test.each(["2 sec", "10 s", "2,5s", "100 ms", "5 minutes", "slow"])(
  "%j is neither a duration nor a name, and the message says both",
  (text) => {
    for (const part of ["timeout", "totalTimeout"]) {
      expect(() => resilient({ [part]: text })).toThrow(
        new RegExp(
          `^${part} must be a duration above 0: seconds .*; or a name in timeout\\.instances of the configuration; got "${text}"; no configuration is loaded$`,
        ),
      );
    }
  },
);

test("a text that is a duration is one, also where an instance has it for a name", () => {
  using _configured = configure({ timeout: { instances: { "2s": { timeout: 9 }, "2nd": { timeout: 8 } } } });
  expect(resilient({ timeout: "2s" }).timeout.timeout).toBe(2);
  expect(resilient({ timeout: "2nd" }).timeout.timeout).toBe(8);
});

test("only a timeout takes a duration: any other part has an instance of that name, or an error", () => {
  expect(() => resilient({ retry: "10s" })).toThrow(/^retry must be a name in retry\.instances/);
  using _configured = configure({ retry: { instances: { "10s": { attempts: 7 } } } });
  expect(resilient({ retry: "10s" }).retry.attempts).toBe(7);
});

describe("an instance of another kind than its part", () => {
  // Of JavaScript: for TypeScript none of these is a part.
  const wrong = new Map<string, object>([
    ["retry", new Timeout({ timeout: 1 })],
    ["timeout", new Retry()],
    ["circuitBreaker", new Bulkhead({ maxConcurrent: 1 })],
    ["rateLimiter", new KeyedRateLimiter()],
    ["fallback", pipeline(new Retry())],
    ["bulkhead", new SingleFlight({ key: () => "" })],
  ]);

  test.each([...wrong])(
    "is refused as %s when the policies are made, and not at each call",
    (part, instance) => {
      expect(() => resilient({ [part]: instance })).toThrow(
        new RegExp(`^${part} must be .*; got a [a-z-]+\\.`),
      );
      expect(() => resilientFetch({ [part]: instance })).toThrow(TypeError);
    },
  );

  test("is welcome if it is no component of this package", async () => {
    const own = { execute: (fn: () => unknown) => fn(), snapshot: () => ({ kind: "mine" }) };
    expect(await resilient({ retry: own }).execute(() => 7)).toBe(7);
  });
});
