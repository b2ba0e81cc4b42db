import { channel } from "node:diagnostics_channel";
import { createRequire } from "node:module";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import { resilientFetch } from "../../src/http/index.js";
import { realClock } from "../../src/kernel/clock.js";
import { Bulkhead } from "../../src/policies/bulkhead/bulkhead.js";
import { pipeline } from "../../src/policies/pipeline/pipeline.js";
import { RateLimiter } from "../../src/rate-limiter/rate-limiter.js";
import { prometheusMetrics } from "../../src/telemetry/index.js";
import type { Metric } from "../../src/telemetry/metrics/definition.js";
import { METRICS } from "../../src/telemetry/metrics/table.js";
import { prometheusText } from "../../src/telemetry/prometheus-text.js";
import { Names } from "../../src/telemetry/names.js";
import { add, Family } from "../../src/telemetry/series.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import { everyComponent } from "./every-component.js";
import { readText } from "./read-text.js";

const express4 = createRequire(import.meta.url)("express-4") as typeof express;

const failing = (): Promise<never> => Promise.reject(new Error("down"));
const prefix = "kstlib_resilience_";

/** The values of a metric, by its labels but for `name`, of one name. */
function figures(text: string, metric: string, name: string): Record<string, number> {
  const samples = readText(text).flatMap((family) => family.samples);
  const own = samples.filter((sample) => sample.name === prefix + metric && sample.labels["name"] === name);
  return Object.fromEntries(
    own.map(({ labels, value }) => {
      const { name: _, ...others } = labels;
      return [Object.values(others).join(), value];
    }),
  );
}

describe("prometheusMetrics", () => {
  test("an answer of 429 is no refusal of a policy", async () => {
    using metrics = prometheusMetrics();
    const fetch = async () => new Response("", { status: 429 });
    const api = resilientFetch({ name: "put-off", fetch, circuitBreaker: {} });
    expect((await api("http://localhost/")).status).toBe(429);
    expect(figures(metrics.text(), "pipeline_calls_total", "put-off")).toEqual({ failure: 1 });
    expect(figures(metrics.text(), "circuit_breaker_calls_total", "put-off")).toEqual({ ignored: 1 });
  });

  test.each([
    ["that obeys", true],
    ["that does not", false],
  ])("a client for HTTP %s has no series of a limiter that nobody has asked for", async (_, obey) => {
    using metrics = prometheusMetrics();
    const name = `unlimited ${String(obey)}`;
    const clients = { obey, retry: true, circuitBreaker: true, hedge: true } as const;
    const fetch = async (): Promise<Response> => new Response();
    const apis = [resilientFetch({ name, obey, fetch }), resilientFetch({ name, ...clients, fetch })];
    for (const api of apis) await api("http://localhost/");
    const series = readText(metrics.text()).filter(({ samples }) =>
      samples.some(({ labels }) => labels["name"] === name),
    );
    const patterns = new Set(series.map((family) => /resilience_([a-z]+)/.exec(family.name)?.[1]));
    expect(patterns).toEqual(new Set(["pipeline", "circuit", "retry", ...(obey ? ["http"] : [])]));
    for (const api of apis)
      expect(Object.keys(api.stats()["http://localhost"]?.parts ?? {})).not.toContain("rateLimiter");
  });

  test("refuses options, which would be without effect", () => {
    expect(() => Reflect.apply(prometheusMetrics, undefined, [{ prefix: "x_" }])).toThrow(/has no options/);
  });

  test("tells how long requests of an HTTP client wait, of all its origins together", async () => {
    using metrics = prometheusMetrics();
    let asked = 30;
    const fetch = async (): Promise<Response> =>
      new Response(null, { status: 429, headers: { "retry-after": String((asked += 10)) } });
    const api = resilientFetch({ name: "asked", fetch });
    expect(figures(metrics.text(), "http_client_queued", "asked")).toEqual({});
    const controller = new AbortController();
    const origins = ["http://a.example", "http://b.example"];
    for (const origin of origins) await api(origin);
    const waiting = origins.map((origin) => api(origin, { signal: controller.signal }).catch(() => {}));
    const hasty = resilientFetch({ name: "hasty", fetch, totalTimeout: "10s" });
    await hasty("http://a.example");
    await expect(hasty("http://a.example")).rejects.toMatchObject({ code: "ERR_RATE_LIMIT_EXCEEDED" });
    const text = metrics.text();
    expect(figures(text, "http_client_queued", "asked")).toEqual({ "": 2 });
    expect(figures(text, "http_client_recovering", "asked")).toEqual({ "": 2 });
    const delay = figures(text, "http_client_delay_seconds", "asked")[""];
    expect(delay).toBeGreaterThan(40);
    expect(delay).toBeLessThanOrEqual(50);
    expect(figures(text, "http_client_rejected_total", "hasty")).toEqual({ "": 1 });
    controller.abort();
    await Promise.all(waiting);
    expect(figures(metrics.text(), "http_client_queued", "asked")).toEqual({ "": 0 });
  });

  test("counts the calls of a circuit breaker by how they ended, and how long they took", async () => {
    const clock = new ManualClock();
    const breaker = new CircuitBreaker({ name: "calls", maxFailures: 2, clock });
    await breaker.call(() => "before");
    using metrics = prometheusMetrics();
    await breaker.call(() => clock.advance("30ms"));
    expect(breaker.callSync(() => 1)).toBe(1);
    await expect(breaker.execute(() => 1, { signal: AbortSignal.abort() })).rejects.toThrow("aborted");
    for (let call = 0; call < 3; call++) await breaker.call(failing).catch(() => {});
    expect(breaker.tryPermit()).toBeUndefined();
    const text = metrics.text();
    expect(figures(text, "circuit_breaker_calls_total", "calls")).toEqual({
      success: 2,
      failure: 2,
      ignored: 1,
      rejected: 2,
    });
    expect(figures(text, "circuit_breaker_call_duration_seconds_count", "calls")).toEqual({ "": 4 });
    expect(figures(text, "circuit_breaker_call_duration_seconds_sum", "calls")[""]).toBeCloseTo(0.03);
    expect(figures(text, "circuit_breaker_call_duration_seconds_bucket", "calls")).toMatchObject({
      "0.025": 3,
      "0.05": 4,
      "+Inf": 4,
    });
    expect(figures(text, "circuit_breaker_state", "calls")).toEqual({
      closed: 0,
      open: 1,
      "half-open": 0,
      isolated: 0,
    });
    expect(figures(text, "circuit_breaker_transitions_total", "calls")).toEqual({ open: 1 });
  });

  test("has the whole duration of a call during which a circuit was isolated", async () => {
    const clock = new ManualClock();
    const breaker = new CircuitBreaker({ name: "held", mode: "observe", clock });
    using metrics = prometheusMetrics();
    const isolation = breaker.isolate();
    const call = breaker.call(() => clock.advance("10s"));
    await call.then(() => isolation[Symbol.dispose]());
    const across = breaker.isolate();
    await breaker.call(() => clock.advance("10s").then(() => across[Symbol.dispose]()));
    expect(figures(metrics.text(), "circuit_breaker_call_duration_seconds_sum", "held")).toEqual({ "": 20 });
  });

  test("counts the synchronous calls of a pipeline", () => {
    using metrics = prometheusMetrics();
    const api = pipeline({ name: "sync" }, new CircuitBreaker({ name: "sync", maxFailures: 1 }));
    expect(api.callSync(() => 1)).toBe(1);
    const fail = (): never => {
      throw new Error("down");
    };
    for (const message of ["down", "open"]) expect(() => api.callSync(fail)).toThrow(message);
    const text = metrics.text();
    const calls = { success: 1, failure: 1, rejected: 1 };
    expect(figures(text, "pipeline_calls_total", "sync")).toEqual(calls);
    expect(figures(text, "pipeline_call_duration_seconds_count", "sync")).toEqual({ "": 2 });
  });

  test("a call of a pipeline that its caller gives up is no failure", async () => {
    using metrics = prometheusMetrics();
    const api = pipeline({ name: "left" }, new Bulkhead({ name: "left" }));
    const leaving = new AbortController();
    const call = api.execute(() => new Promise(() => {}), { signal: leaving.signal });
    leaving.abort();
    await expect(call).rejects.toThrow("aborted");
    const text = metrics.text();
    expect(figures(text, "pipeline_calls_total", "left")).toEqual({ ignored: 1 });
    expect(figures(text, "pipeline_call_duration_seconds_count", "left")).toEqual({});
  });

  test("a limiter without a limit has no tokens", () => {
    using metrics = prometheusMetrics();
    const limiters = [new RateLimiter({ name: "free", rate: Infinity })];
    expect(metrics.text()).not.toMatch(/Inf$/m);
    limiters.push(new RateLimiter({ name: "free", rate: 1, burst: 3 }));
    expect(figures(metrics.text(), "rate_limiter_tokens", "free")).toEqual({ "": 3 });
    expect(limiters).toHaveLength(2);
  });

  test("reports the state of components made before and after", () => {
    const before = new RateLimiter({ name: "made before", rate: 1, burst: 5 });
    using metrics = prometheusMetrics();
    const after = new Bulkhead({ name: "made after", maxConcurrent: 7 });
    before.tryAcquire(2);
    const text = metrics.text();
    expect(figures(text, "rate_limiter_tokens", before.name)[""]).toBeCloseTo(3, 1);
    expect(figures(text, "bulkhead_limit", after.name)).toEqual({ "": 7 });
  });

  test("reports the state of the moment, however often it is asked", async () => {
    using metrics = prometheusMetrics();
    const bulkhead = new Bulkhead({ name: "asked often", maxConcurrent: 7 });
    const limits = () => figures(metrics.text(), "bulkhead_limit", bulkhead.name);
    const running = () => figures(metrics.text(), "bulkhead_running", bulkhead.name);
    expect([limits(), limits()]).toEqual([{ "": 7 }, { "": 7 }]);
    const permit = bulkhead.tryPermit();
    expect(running()).toEqual({ "": 1 });
    permit?.[Symbol.dispose]();
    expect(running()).toEqual({ "": 0 });
  });

  test("adds up components of one name", async () => {
    using metrics = prometheusMetrics();
    const breakers = Array.from({ length: 3 }, () => new CircuitBreaker({ name: "many", maxFailures: 1 }));
    for (const breaker of breakers) await breaker.call(() => 1);
    await breakers[0]?.call(failing).catch(() => {});
    expect(figures(metrics.text(), "circuit_breaker_state", "many")).toMatchObject({ closed: 2, open: 1 });
    expect(figures(metrics.text(), "circuit_breaker_calls_total", "many")).toEqual({
      success: 3,
      failure: 1,
    });
  });

  test("publishes names and closed sets alone: no keys, URLs, messages or channels of the application", async () => {
    using metrics = prometheusMetrics();
    await using _world = await everyComponent();
    const text = metrics.text();
    for (const data of ["secret", "another-key", "127.0.0.1", "postgres"]) expect(text).not.toContain(data);
    const strangers = readText(text)
      .flatMap(({ samples }) => samples)
      .flatMap(({ labels }) => Object.entries(labels))
      .filter(([key]) => key !== "name" && key !== "le")
      .filter(
        ([key, value]) =>
          !METRICS.some(({ attribute }) => attribute?.key === key && attribute.values.includes(value)),
      );
    expect(strangers).toEqual([]);
  });

  test("has at most 1,000 names a pattern, and one series for all others", () => {
    using metrics = prometheusMetrics();
    const held = Array.from({ length: 1500 }, (_, index) => {
      const bulkhead = new Bulkhead({ name: `made without end ${index} ${"x".repeat(1000)}` });
      return [bulkhead, bulkhead.tryPermit()];
    });
    const bulkheads = readText(metrics.text()).find(({ name }) => name === `${prefix}bulkhead_running`);
    const names = bulkheads?.samples.map(({ labels }) => labels["name"] ?? "") ?? [];
    expect(names.length).toBe(1001);
    expect(names).toContain("other");
    expect(Math.max(...names.map(({ length }) => length))).toBe(200);
    const sum = bulkheads?.samples.reduce((total, { value }) => total + value, 0);
    expect(sum).toBeGreaterThanOrEqual(held.length);
  });

  test("leaves no subscriber when it is disposed of, and counts nothing more", async () => {
    const channels = METRICS.flatMap((metric) =>
      metric.type === "gauge"
        ? []
        : metric.events.map(({ kind, event }) => `kstlib.resilience.${kind}.${event}`),
    );
    const heard = (): readonly string[] => channels.filter((name) => channel(name).hasSubscribers);
    const metrics = prometheusMetrics();
    expect(heard()).toEqual(channels);
    const breaker = new CircuitBreaker({ name: "disposed" });
    await breaker.call(() => 1);
    metrics[Symbol.dispose]();
    metrics[Symbol.dispose]();
    expect(heard()).toEqual([]);
    await breaker.call(() => 1);
    expect(figures(metrics.text(), "circuit_breaker_calls_total", "disposed")).toEqual({ success: 1 });
  });

  test("a component whose snapshot throws is left out, with one warning", async () => {
    using metrics = prometheusMetrics();
    const warnings: Error[] = [];
    const listen = (warning: Error): unknown => warnings.push(warning);
    process.on("warning", listen);
    let isBroken = false;
    const clock = { ...realClock, now: () => (isBroken ? broken() : 0) };
    const broken = (): never => {
      throw new Error("no time");
    };
    const limiter = new RateLimiter({ name: "broken", rate: 1, clock });
    isBroken = true;
    expect(metrics.text()).not.toContain('"broken"');
    expect(metrics.text()).not.toContain('"broken"');
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", listen);
    expect(warnings.map((warning) => Reflect.get(warning, "code"))).toEqual(["KSTLIB_TELEMETRY_FAILED"]);
    isBroken = false;
    expect(limiter.tryAcquire()).toBe(true);
  });
});

describe("the text", () => {
  const histogram = METRICS.find(({ type }) => type === "histogram") as Metric & { type: "histogram" };
  const counter = METRICS.find(({ type }) => type === "counter") as Metric;

  test("has any name as it is, but for what no text can hold", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.string({ unit: "binary", maxLength: 20 }), fc.double({ min: 0, noNaN: true })), {
          maxLength: 8,
        }),
        (given) => {
          const names = new Names();
          const sums = new Family(counter, names);
          const times = new Family(histogram, names);
          for (const [name, value] of given) {
            sums.of(name, "success").value = value;
            add(histogram, times.of(name, ""), value);
          }
          const families = readText(prometheusText([sums, times]));
          const samples = families[0]?.samples ?? [];
          const expected = new Map(
            given.map(([name, value]) => [new TextDecoder().decode(new TextEncoder().encode(name)), value]),
          );
          expect(new Map(samples.map(({ labels, value }) => [labels["name"], value]))).toEqual(expected);
        },
      ),
      { numRuns: 50 },
    );
  });

  test("escapes quotes, backslashes and line breaks", () => {
    const family = new Family(counter, new Names());
    family.of('a "b"\\n\n\r', "success").value = 1;
    family.of("half \uD800", "success").value = 2;
    expect(prometheusText([family])).toContain('{name="a \\"b\\"\\\\n\\n\r",outcome="success"} 1\n');
    expect(prometheusText([family])).toContain('{name="half \uFFFD",outcome="success"} 2\n');
  });

  test("a name that is no text is none, and one of 200 characters is whole", () => {
    const family = new Family(counter, new Names());
    for (const name of [7, "x".repeat(200)]) family.of(name, "success").value = 1;
    expect(readText(prometheusText([family]))[0]?.samples.map(({ labels }) => labels["name"])).toEqual([
      "",
      "x".repeat(200),
    ]);
  });

  test("the metrics of a pattern have the same 1,000 names, and others those of theirs", () => {
    const names = new Names();
    const patternOf = ({ name }: Metric): string => name.slice(0, name.indexOf("."));
    const same = METRICS.find((other) => other !== counter && patternOf(other) === patternOf(counter));
    const stranger = METRICS.find((other) => patternOf(other) !== patternOf(counter));
    const [first, second, third] = [counter, same ?? counter, stranger ?? counter].map(
      (metric) => new Family(metric, names),
    );
    for (let at = 0; at < 1000; at++) first?.of(`name ${at}`, "");
    const labels = [first, second, third].map((family) =>
      ["name 0", "name 999", "one more"].map((name) => family?.of(name, "").attributes["name"]),
    );
    expect(labels).toEqual([
      ["name 0", "name 999", "other"],
      ["name 0", "name 999", "other"],
      ["name 0", "name 999", "one more"],
    ]);
  });

  test("a value on a bound is in the bucket up to it", () => {
    const family = new Family(histogram, new Names());
    const [first = 0, second = 0] = histogram.buckets;
    for (const value of [first, second]) add(histogram, family.of("a", ""), value);
    expect(family.of("a", "").counts.slice(0, 3)).toEqual([1, 1, 0]);
  });

  test("a metric without a series has no lines", () => {
    expect(prometheusText([new Family(counter, new Names())])).toBe("");
  });

  test("a value outside its closed set is other", () => {
    const family = new Family(counter, new Names());
    family.of("a", "of the application").value++;
    family.of("a", "another").value++;
    expect(readText(prometheusText([family]))[0]?.samples).toMatchObject([
      { labels: { name: "a", outcome: "other" }, value: 2 },
    ]);
  });
});

async function served<Result>(
  listener: RequestListener,
  use: (url: string) => Promise<Result>,
): Promise<Result> {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

describe("the handler", () => {
  const servers: readonly (readonly [string, (handler: RequestListener) => RequestListener])[] = [
    ["node:http", (handler) => handler],
    ["Express 5", (handler) => express().all("/metrics", handler)],
    ["Express 4", (handler) => express4().all("/metrics", handler)],
  ];

  test.each(servers)("of %s answers GET and HEAD, and nothing else", async (_, listening) => {
    using metrics = prometheusMetrics();
    const breaker = new CircuitBreaker({ name: "über" });
    await breaker.call(() => 1);
    await served(listening(metrics.handler()), async (url) => {
      const got = await fetch(url);
      const text = await got.text();
      expect(got.status).toBe(200);
      expect(got.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
      expect(figures(text, "circuit_breaker_calls_total", "über")).toEqual({ success: 1 });
      const head = await fetch(url, { method: "HEAD" });
      expect([head.status, await head.text()]).toEqual([200, ""]);
      expect(Number(head.headers.get("content-length"))).toBeGreaterThan(0);
      const posted = await fetch(url, { method: "POST", body: "x" });
      expect([posted.status, posted.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    });
  });
});
