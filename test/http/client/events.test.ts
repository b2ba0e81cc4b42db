import { expect, test } from "vitest";
import { CircuitBreaker } from "../../../src/circuit-breaker/circuit-breaker.js";
import { Health } from "../../../src/health/health.js";
import { resilienceInterceptor, resilientFetch } from "../../../src/http/index.js";
import type { Component } from "../../../src/kernel/component.js";
import { logEvents } from "../../../src/log-events.js";
import { ManualClock } from "../../../src/testing/index.js";
import { reasonOf } from "../../policies/by-hand.js";
import { memoryLogger } from "../../memory-logger.js";

/** A server that is down as long as its URL says so. */
const answer = async (input: unknown): Promise<Response> =>
  new Response(null, { status: String(input).includes("down") ? 500 : 200 });

test("the log has the circuits of all origins, without what is secret in a URL", async () => {
  const clock = new ManualClock();
  const logger = memoryLogger("[resilience] ");
  const api = resilientFetch({
    name: "shop",
    fetch: answer,
    clock,
    circuitBreaker: { maxFailures: 1, resetTimeout: 10 },
    timeout: "2s",
  });
  await api("http://early.example/down?token=secret");
  {
    using _log = logEvents(logger, [api]);
    await api("http://user:secret@late.example:8080/down");
    await clock.advance(10);
    await api("http://early.example/well");
  }
  await api("http://early.example/down");
  await api("http://another.example/down");
  expect(logger.lines).toEqual([
    "warn circuit-breaker shop (http://late.example:8080): closed -> open (tripped)",
    "info circuit-breaker shop (http://early.example): open -> half-open (reset-timeout)",
    "info circuit-breaker shop (http://early.example): half-open -> closed (recovered)",
  ]);
});

test("as fields, a line has the origin in one of its own", async () => {
  const lines: unknown[][] = [];
  const write = (...line: unknown[]): number => lines.push(line);
  const api = resilientFetch({ name: "shop", fetch: answer, circuitBreaker: { maxFailures: 1 } });
  const logger = { debug: write, info: write, warn: write, error: write };
  using _log = logEvents(logger, api, { style: "fields" });
  await api("http://a.example/down");
  expect(lines).toEqual([
    [
      {
        component: "circuit-breaker",
        name: "shop",
        origin: "http://a.example",
        event: "stateChange",
        from: "closed",
        to: "open",
        reason: "tripped",
      },
      "circuit-breaker shop (http://a.example): closed -> open (tripped)",
    ],
  ]);
});

test("the log has the other parts as well, each once, and what the server asks for", async () => {
  const clock = new ManualClock();
  const logger = memoryLogger("[resilience] ");
  const fetch = async (): Promise<Response> =>
    new Response(null, { status: 429, headers: { "retry-after": "60" } });
  const api = resilientFetch({
    name: "shop",
    fetch,
    clock,
    fallback: { to: () => new Response("instead") },
    totalTimeout: "9s",
    retry: { attempts: 2 },
    rateLimiter: { rate: 10 },
    timeout: "2s",
  });
  using _log = logEvents(logger, [api, api], { level: "debug" });
  await api("http://a.example/");
  await api("http://a.example/");
  const from = "shop (http://a.example)";
  expect(logger.lines).toContain(`debug rate-limiter ${from}: refused a request for 60 s`);
  expect(logger.lines.filter((line) => line.startsWith(`info fallback ${from}`))).toHaveLength(2);
});

test("a timeout of the whole call is logged", async () => {
  const clock = new ManualClock();
  const logger = memoryLogger("[resilience] ");
  const api = resilientFetch({
    name: "shop",
    fetch: () => new Promise(() => {}),
    clock,
    totalTimeout: "9s",
  });
  using _log = logEvents(logger, api);
  const call = reasonOf(api("http://a.example/"));
  await clock.advance("9s");
  expect(await call).toMatchObject({ code: "ERR_TIMEOUT_EXCEEDED" });
  expect(logger.lines).toEqual([
    expect.stringContaining("warn timeout shop-total (http://a.example): ") as string,
  ]);
});

test("a part that was given as an instance is logged once, without an origin", async () => {
  const logger = memoryLogger("[resilience] ");
  const circuitBreaker = new CircuitBreaker({ name: "all of them", maxFailures: 2 });
  const api = resilientFetch({ fetch: answer, circuitBreaker });
  {
    using _log = logEvents(logger, [api, circuitBreaker]);
    await api("http://a.example/down");
    await api("http://b.example/down");
  }
  circuitBreaker.reset();
  expect(logger.lines).toEqual(["warn circuit-breaker all of them: closed -> open (tripped)"]);
});

test("an event of a part is told with the origin, of those called before and after", async () => {
  const told: unknown[] = [];
  const api = resilientFetch({ fetch: answer, circuitBreaker: { maxFailures: 2 }, timeout: "2s" });
  await api("http://a.example/down");
  const subscription = api.on("circuitBreaker.stateChange", ({ origin, from, to }) =>
    told.push([origin, from, to]),
  );
  await api("http://a.example/down");
  await api("http://b.example/down");
  await api("http://b.example/down");
  subscription[Symbol.dispose]();
  await api("http://c.example/down");
  await api("http://c.example/down");
  expect(told).toEqual([
    ["http://a.example", "closed", "open"],
    ["http://b.example", "closed", "open"],
  ]);
});

test("what a server asks for is told with the origin; a set for all is of all", async () => {
  const told: unknown[] = [];
  const fetch = async (): Promise<Response> =>
    new Response(null, { status: 429, headers: { "retry-after": "60" } });
  const api = resilientFetch({ fetch, totalTimeout: "9s", perHost: false });
  using _listener = api.on("rejected", ({ origin, retryAfter }) =>
    told.push([origin, Math.round(retryAfter)]),
  );
  await api("http://a.example/");
  await reasonOf(api("http://b.example/"));
  expect(told).toEqual([["all", 60]]);
});

test("of a part that is an instance, or not there, no origin is told", async () => {
  const told: unknown[] = [];
  const circuitBreaker = new CircuitBreaker({ maxFailures: 1 });
  const api = resilientFetch({ fetch: answer, circuitBreaker });
  using _one = api.on("circuitBreaker.stateChange", ({ origin }) => told.push(origin));
  using _none = api.on("retry.exhausted", () => told.push("never"));
  await api("http://a.example/down");
  expect(told).toEqual(["all"]);
});

test("an origin that is forgotten and called again is told as before", async () => {
  const told: string[] = [];
  const api = resilientFetch({ fetch: answer, circuitBreaker: { maxFailures: 1 }, maxHosts: 1 });
  using _listener = api.on("circuitBreaker.success", ({ origin }) => told.push(origin));
  await api("http://a.example/");
  await api("http://b.example/");
  await api("http://a.example/");
  expect(told).toEqual(["http://a.example", "http://b.example", "http://a.example"]);
});

test.each([
  ["circuitBreaker.stateChanged", 'an event of circuit "http"; did you mean stateChange?'],
  ["circuitBraker.stateChange", "a part of resilientFetch; did you mean circuitBreaker?"],
  ["stateChange", "an event of resilientFetch; allowed are waited, rejected, and those of parts"],
])("%s is no event, which is said at once", (event, message) => {
  const api = resilientFetch({ circuitBreaker: true });
  expect(() => (api as Component).on(event, () => {})).toThrow(message);
});

test("a client is a component, with its name and a snapshot", async () => {
  const api = resilientFetch({ name: "shop", fetch: answer, circuitBreaker: true });
  await api("http://a.example/");
  expect(api.name).toBe("shop");
  expect(api.snapshot()).toEqual({ kind: "http-client", name: "shop", origins: api.stats() });
  expect(Object.isFrozen(api.snapshot())).toBe(true);
  const interceptor = resilienceInterceptor({ name: "shop" });
  expect(interceptor.snapshot()).toEqual({ kind: "http-client", name: "shop", origins: {} });
});

test("a health check fails while the circuit of an origin is open, and names the origin", async () => {
  const clock = new ManualClock();
  const api = resilientFetch({
    fetch: answer,
    clock,
    circuitBreaker: { maxFailures: 1, resetTimeout: 10 },
    timeout: "2s",
  });
  const health = new Health({ clock });
  health.addCheck("shop", api);
  expect((await health.readiness()).ok).toBe(true);
  await api("http://a.example/");
  expect((await health.readiness()).ok).toBe(true);
  await api("http://b.example/down");
  expect((await health.readiness()).checks).toMatchObject([
    { name: "shop", ok: false, message: "the circuit of http://b.example is open" },
  ]);
  await clock.advance(10);
  expect((await health.readiness()).ok).toBe(true);
});
