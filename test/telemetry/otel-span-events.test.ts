import { channel } from "node:diagnostics_channel";
import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import { Bulkhead, Hedge, Retry } from "../../src/policies/index.js";
import { RateLimiter } from "../../src/rate-limiter/rate-limiter.js";
import { otelSpanEvents } from "../../src/telemetry/index.js";

const exporter = new InMemorySpanExporter();

beforeEach(() => {
  exporter.reset();
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
  );
});

afterEach(() => {
  context.disable();
  trace.disable();
});

/** Runs a function in a span of its own and gives the events of that span. */
async function spanOf(run: () => Promise<unknown>): Promise<ReadableSpan["events"]> {
  const span = trace.getTracer("test").startSpan("call");
  await context.with(trace.setSpan(context.active(), span), run).catch(() => {});
  span.end();
  const found = exporter
    .getFinishedSpans()
    .find((one) => one.spanContext().spanId === span.spanContext().spanId);
  return found?.events ?? [];
}

const fails = (): Promise<never> => Promise.reject(new Error("secret"));
const about = (kind: string, name: string, more: object = {}): object =>
  Object.fromEntries(
    Object.entries({ name, kind, ...more }).map(([key, value]) => [
      `kstlib.resilience.${key}`,
      value as unknown,
    ]),
  );

test("a span has the retries, the opening and the refusal of its own call, although several run at once", async () => {
  using _events = otelSpanEvents();
  const retry = new Retry({ name: "quotes", attempts: 2, delay: 0 });
  const breaker = new CircuitBreaker({ name: "payments", maxFailures: 1 });
  const [retried, opened, calm] = await Promise.all([
    spanOf(() => retry.call(fails)),
    spanOf(() => breaker.call(fails)),
    spanOf(() => retry.call(() => 1)),
  ]);
  const refused = await spanOf(() => breaker.call(() => 1));
  expect(retried).toMatchObject([
    { name: "kstlib.resilience.retry", attributes: about("retry", "quotes", { attempt: 1, delay: 0 }) },
  ]);
  expect(opened).toMatchObject([
    { name: "kstlib.resilience.circuit_open", attributes: about("circuit-breaker", "payments") },
  ]);
  expect(calm).toEqual([]);
  expect(refused.map(({ name }) => name)).toEqual(["kstlib.resilience.refused"]);
  expect(Object.keys(refused[0]?.attributes ?? {})).toEqual(Object.keys(about("", "", { retry_after: 0 })));
});

test("a span has the refusals of limiters and the hedges", async () => {
  using _events = otelSpanEvents({ trace });
  const limiter = new RateLimiter({ name: "exchange", rate: 0.001, burst: 1 });
  const bulkhead = new Bulkhead({ name: "reports", maxConcurrent: 1 });
  const hedge = new Hedge({ name: "replicas", delay: "1ms" });
  const events = await spanOf(async () => {
    limiter.tryAcquire();
    limiter.tryAcquire();
    using _permit = bulkhead.tryPermit();
    await bulkhead.call(() => 1).catch(() => {});
    await hedge.execute(({ attempt }) => (attempt === 1 ? new Promise(() => {}) : attempt));
  });
  expect(events.map(({ name, attributes }) => [name, attributes?.["kstlib.resilience.kind"]])).toEqual([
    ["kstlib.resilience.refused", "rate-limiter"],
    ["kstlib.resilience.refused", "bulkhead"],
    ["kstlib.resilience.hedge", "hedge"],
  ]);
  expect(events[0]?.attributes?.["kstlib.resilience.retry_after"]).toBeCloseTo(1000, -1);
});

test("without an active span nothing happens, and disposing leaves no subscriber", async () => {
  const events = otelSpanEvents();
  const breaker = new CircuitBreaker({ name: "alone", maxFailures: 1 });
  await expect(breaker.call(fails)).rejects.toThrow("secret");
  expect(channel("kstlib.resilience.retry.retry").hasSubscribers).toBe(true);
  events[Symbol.dispose]();
  for (const event of [
    "retry.retry",
    "circuit-breaker.stateChange",
    "hedge.hedge",
    "rate-limiter.rejected",
  ]) {
    expect(channel(`kstlib.resilience.${event}`).hasSubscribers).toBe(false);
  }
  const breaking = await spanOf(() => new CircuitBreaker({ maxFailures: 1 }).call(fails));
  expect(breaking).toEqual([]);
});
