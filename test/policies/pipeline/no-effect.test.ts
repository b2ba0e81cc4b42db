import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { CircuitBreaker } from "../../../src/circuit-breaker/circuit-breaker.js";
import { configure } from "../../../src/configure.js";
import { resilienceInterceptor, resilientFetch } from "../../../src/http/index.js";
import { Hedge } from "../../../src/policies/hedge/hedge.js";
import { pipeline } from "../../../src/policies/pipeline/pipeline.js";
import { Retry } from "../../../src/policies/retry/retry.js";
import { Timeout } from "../../../src/policies/timeout/timeout.js";
import { Registry } from "../../../src/registry.js";
import { resilient } from "../../../src/resilient.js";
import type { ResilientOptions } from "../../../src/resilient-options.js";
import { ManualClock } from "../../../src/testing/manual-clock.js";

let warnings: string[];
beforeEach(() => {
  warnings = [];
  // As in a new process.
  Reflect.deleteProperty(globalThis, Symbol.for("@kstlib/resilience/warned"));
  const spy = vi.spyOn(process, "emitWarning").mockImplementation((message, options) => {
    warnings.push(`${(options as { readonly code: string }).code} ${String(message)}`);
  });
  onTestFinished(() => spy.mockRestore());
});

/** The same options for everything that is made of parts; each must warn when it is made. */
const makers: readonly [string, string, (options: ResilientOptions) => unknown][] = [
  ["resilient", 'pipeline "api"', (options) => resilient({ name: "api", ...options })],
  ["resilientFetch", 'resilientFetch "api"', (options) => resilientFetch({ name: "api", ...options })],
  [
    "resilienceInterceptor",
    'resilienceInterceptor "api"',
    (options) => resilienceInterceptor({ name: "api", ...options }),
  ],
  ["a registry, from code", 'pipeline "api"', (options) => new Registry().pipeline("api", options)],
  [
    "a registry, from its configuration",
    'pipeline "api"',
    (options) => new Registry({ pipelines: { api: options } }).pipeline("api"),
  ],
];

/** What has no effect, by the options, and what is said of it. */
const cases: readonly [string, ResilientOptions, readonly string[]][] = [
  [
    "a circuit breaker with no timeout but the total one",
    { totalTimeout: "10s", retry: true, circuitBreaker: true },
    [
      'circuit breaker "api" does not notice a service that hangs: timeout "api-total" (10s), which is outside of it, ends such a call first, as a caller that gives up would. Put a shorter timeout inside of it.',
    ],
  ],
  [
    "a timeout of each attempt that is no shorter than the total one",
    { totalTimeout: "10s", timeout: 10 },
    ['timeout "api" (10s) has no effect: timeout "api-total" (10s), which is outside of it, is not longer.'],
  ],
  [
    "a circuit breaker whose timeout is longer than the total one",
    { totalTimeout: "2s", circuitBreaker: { name: "shop" }, timeout: "3s" },
    [
      'circuit breaker "shop" does not notice a service that hangs: timeout "api-total" (2s), which is outside of it, ends such a call first, as a caller that gives up would. Put a shorter timeout inside of it.',
      'timeout "api" (3s) has no effect: timeout "api-total" (2s), which is outside of it, is not longer.',
    ],
  ],
  [
    "a retry that never has the time for its delay",
    { totalTimeout: "10s", retry: { delay: "30s" }, timeout: "1s" },
    [
      'retry "api" never repeats a call: its delay of 30s or more does not fit into timeout "api-total" (10s).',
    ],
  ],
  [
    "a retry with a backoff that never fits",
    { totalTimeout: "1s", retry: { delay: { initial: "2s", jitter: "equal" } } },
    ['retry "api" never repeats a call: its delay of 1s or more does not fit into timeout "api-total" (1s).'],
  ],
  [
    "a hedge that is later than the total timeout, at the shortest that it can learn",
    { totalTimeout: "2s", hedge: { delay: { min: "2s", max: "5s" } } },
    [
      'hedge "api" starts no attempt beside a slow one: its delay of 2s or more does not fit into timeout "api-total" (2s).',
    ],
  ],
];

describe.each(cases)("%s", (_, options, said) => {
  test.each(makers)("made by %s, is warned of at once", (_name, owner, make) => {
    make(options);
    expect(warnings).toEqual(said.map((text) => `KSTLIB_NO_EFFECT ${owner}: ${text}`));
  });
});

test.each<[string, ResilientOptions]>([
  ["a breaker around a shorter timeout", { totalTimeout: "10s", circuitBreaker: true, timeout: "2s" }],
  ["a breaker around a timeout alone", { circuitBreaker: true, timeout: "2s" }],
  ["a breaker without any timeout", { circuitBreaker: true, retry: true }],
  ["a total timeout without a breaker", { totalTimeout: "10s", retry: true, hedge: true }],
  [
    "a retry whose delay may be drawn short enough",
    { totalTimeout: "1s", retry: { delay: { initial: "9s" } } },
  ],
  ["a retry whose delay the application says", { totalTimeout: "1s", retry: { delay: () => 9 } }],
  ["a hedge that may learn a delay short enough", { timeout: "1s", hedge: { delay: { max: "9s" } } }],
  ["a retry whose delay is longer than an attempt may take", { timeout: "1s", retry: { delay: "5s" } }],
])("nothing is said of %s", (_, options) => {
  for (const [, , make] of makers) make(options);
  expect(warnings).toEqual([]);
});

test("policies that are nested by hand are looked at as well, also in a pipeline within", () => {
  const timeout = new Timeout({ timeout: "5s" });
  // Of its properties nothing is known.
  const foreign = {
    policies: "none",
    actors: "none",
    execute: async (): Promise<never> => Promise.reject(new Error("never run")),
  };
  const inner = pipeline(new Retry(), new CircuitBreaker());
  expect(warnings).toEqual([]);
  pipeline({ name: "shop" }, timeout, inner, foreign);
  expect(warnings).toEqual([
    expect.stringMatching(/^KSTLIB_NO_EFFECT pipeline "shop": circuit breaker .* timeout "timeout" \(5s\)/),
  ]);
  pipeline(new CircuitBreaker(), timeout, new Hedge({ delay: "1s" }));
  expect(warnings).toHaveLength(1);
});

test("a hedge that is later than the timeout of each attempt is warned of, unless an attempt can take longer", () => {
  for (const between of [{}, { circuitBreaker: true }, { bulkhead: true }, { rateLimiter: true }] as const) {
    const [name = "api"] = Object.keys(between);
    resilient({ name, hedge: { delay: "3s" }, timeout: "2s", ...between });
  }
  pipeline(new Hedge({ delay: "3s" }), new Retry(), new Timeout({ timeout: "2s" }));
  resilientFetch({ hedge: { delay: "3s" }, timeout: "2s" });
  const text = (name: string): string =>
    `KSTLIB_NO_EFFECT pipeline "${name}": hedge "${name}" starts no attempt beside a slow one: its delay of 3s or more does not fit into timeout "${name}" (2s).`;
  expect(warnings).toEqual([text("api"), text("circuitBreaker")]);
});

test("parts that are instances or named count as those given by options", async () => {
  using _configured = configure({
    timeout: { instances: { slow: { timeout: "1m" }, quick: { timeout: "1s" } } },
    hedge: { delay: "30s" },
  });
  resilient({ name: "a", totalTimeout: new Timeout({ name: "mine", timeout: 1 }), circuitBreaker: true });
  resilient({ name: "b", totalTimeout: "quick", timeout: "slow" });
  resilientFetch({ name: "c", totalTimeout: new Timeout({ name: "mine", timeout: 1 }), hedge: true });
  resilientFetch({ name: "d", totalTimeout: "slow", circuitBreaker: new CircuitBreaker(), timeout: "slow" });
  expect(warnings.map((text) => text.slice("KSTLIB_NO_EFFECT ".length, 70))).toEqual([
    expect.stringMatching(/^pipeline "a": circuit breaker/),
    expect.stringMatching(/^pipeline "b": timeout "slow"/),
    expect.stringMatching(/^resilientFetch "c": hedge "c"/),
    expect.stringMatching(/^resilientFetch "d": circuit breaker/),
    expect.stringMatching(/^resilientFetch "d": timeout "slow"/),
  ]);
});

test("a client for HTTP warns once, and not again for each origin", async () => {
  const fetch = async (): Promise<Response> => new Response("well");
  const api = resilientFetch({ totalTimeout: "5s", circuitBreaker: true, fetch });
  for (const origin of ["a", "b"]) await (await api(`https://${origin}.test/`)).text();
  expect(warnings).toHaveLength(1);
});

describe("what is warned of is true", () => {
  /** The pipeline after three calls of a function that hangs or fails at once. */
  async function after(
    end: "hang" | "fail",
    options: (clock: ManualClock) => ResilientOptions,
  ): Promise<ReturnType<typeof resilient>> {
    const clock = new ManualClock();
    const api = resilient(options(clock));
    for (let call = 0; call < 3; call++) {
      const made = api
        .execute(() => (end === "hang" ? new Promise(() => {}) : Promise.reject(new Error("down"))))
        .catch(() => {});
      await clock.advance(9);
      await made;
    }
    return api;
  }

  test("a circuit stays closed while the service hangs, and opens if the advice is taken", async () => {
    const states = [];
    for (const timeout of ["1s", "2s", undefined] as const) {
      const api = await after("hang", (clock) => ({
        totalTimeout: { timeout: "2s", clock },
        circuitBreaker: { maxFailures: 2, clock },
        timeout: timeout && { timeout, clock },
      }));
      states.push(api.circuitBreaker?.state);
    }
    expect(states).toEqual(["open", "closed", "closed"]);
  });

  test("a retry never repeats a call, and does with a shorter delay", async () => {
    const retries = [];
    for (const delay of ["1s", "2s"] as const) {
      const api = await after("fail", (clock) => ({
        totalTimeout: { timeout: "2s", clock },
        retry: { delay, attempts: 2, clock },
      }));
      retries.push(api.retry?.stats.retries);
    }
    expect(retries).toEqual([3, 0]);
  });

  test("a hedge starts no attempt beside one that hangs, and does with a shorter delay", async () => {
    const hedges = [];
    for (const delay of ["1s", "2s"] as const) {
      const api = await after("hang", (clock) => ({
        totalTimeout: { timeout: "2s", clock },
        hedge: { delay, clock },
      }));
      hedges.push(api.hedge?.stats.hedges);
    }
    expect(hedges).toEqual([3, 0]);
  });
});

test("the same warning is printed once in a process, not for each construction", () => {
  const make = (name: string): unknown => resilient({ name, totalTimeout: 1, timeout: 2 });
  for (let made = 0; made < 3; made++) make("each-request");
  expect(warnings).toHaveLength(1);
  make("another");
  expect(warnings).toHaveLength(2);
  // What is remembered is bounded: names that never end do not fill the memory, and are warned of.
  for (let made = 0; made < 2000; made++) make(`tenant ${made}`);
  expect(warnings).toHaveLength(2002);
  make("tenant 1999");
  expect(warnings).toHaveLength(2002);
});
