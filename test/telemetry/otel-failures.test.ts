import { context, metrics, trace } from "@opentelemetry/api";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { afterEach, describe, expect, test, vi } from "vitest";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import { otelMetrics, type OtelMeter, otelSpanEvents, type OtelSpan } from "../../src/telemetry/index.js";
import { sdk } from "./sdk.js";

const CALLS = "kstlib.resilience.circuit_breaker.calls";
const DURATION = "kstlib.resilience.circuit_breaker.call.duration";

afterEach(() => {
  for (const api of [metrics, trace, context]) api.disable();
});

/** The codes of the warnings while something runs. */
async function warningsOf(run: () => Promise<unknown>): Promise<readonly unknown[]> {
  const codes: unknown[] = [];
  const listen = (warning: Error): unknown => codes.push(Reflect.get(warning, "code"));
  process.on("warning", listen);
  await run();
  await new Promise((resolve) => setImmediate(resolve));
  process.off("warning", listen);
  return codes;
}

describe("otelMetrics", () => {
  test("reports to the provider that an SDK has registered", async () => {
    const { meterProvider, collect } = sdk();
    metrics.setGlobalMeterProvider(meterProvider);
    using _metrics = otelMetrics();
    await new CircuitBreaker({ name: "registered" }).call(() => 1);
    const names = (await collect()).map(({ descriptor }) => descriptor.name);
    expect(names).toEqual(expect.arrayContaining([CALLS, DURATION]));
    await meterProvider.shutdown();
  });

  test("loses no count when the SDK comes later, and then has the durations from then on", async () => {
    using _metrics = otelMetrics();
    const breaker = new CircuitBreaker({ name: "later" });
    await breaker.call(() => 1);
    const { meterProvider, collect } = sdk();
    metrics.setGlobalMeterProvider(meterProvider);
    await breaker.call(() => 1);
    const data = await collect();
    const pointsOf = (name: string): unknown =>
      data.find(({ descriptor }) => descriptor.name === name)?.dataPoints;
    expect(pointsOf(CALLS)).toMatchObject([{ value: 2 }]);
    expect(pointsOf(DURATION)).toMatchObject([{ value: { count: 1 } }]);
    await meterProvider.shutdown();
  });

  test("finds an SDK that comes later by any event", async () => {
    using _metrics = otelMetrics();
    const { meterProvider, collect } = sdk();
    metrics.setGlobalMeterProvider(meterProvider);
    new CircuitBreaker({ name: "later" }).isolate();
    const names = (await collect()).map(({ descriptor }) => descriptor.name);
    expect(names).toContain("kstlib.resilience.circuit_breaker.transitions");
    await meterProvider.shutdown();
  });

  test("reports nothing more once it is disposed of", async () => {
    const { meterProvider, collect } = sdk();
    const reported = otelMetrics({ meterProvider });
    const breaker = new CircuitBreaker({ name: "disposed" });
    await breaker.call(() => 1);
    expect(await collect()).not.toEqual([]);
    reported[Symbol.dispose]();
    reported[Symbol.dispose]();
    await breaker.call(() => 1);
    // What it has had before, an SDK goes on to export.
    const counts = (await collect()).find(({ descriptor }) => descriptor.name === CALLS);
    expect(counts?.dataPoints).toMatchObject([{ value: 1 }]);
    await meterProvider.shutdown();
  });

  test("does nothing without an SDK", async () => {
    using _metrics = otelMetrics();
    expect(await new CircuitBreaker({ name: "alone" }).call(() => 1)).toBe(1);
  });

  const fail = (): never => {
    throw new Error("of the exporter");
  };
  const working = (): OtelMeter => new MeterProvider().getMeter("x");
  const broken: readonly (readonly [string, () => OtelMeter])[] = [
    ["getMeter", fail],
    ["createHistogram", () => Object.assign(working(), { createHistogram: fail })],
    ["record", () => Object.assign(working(), { createHistogram: () => ({ record: fail }) })],
    ["addBatchObservableCallback", () => Object.assign(working(), { addBatchObservableCallback: fail })],
    [
      "removeBatchObservableCallback",
      () => Object.assign(working(), { removeBatchObservableCallback: fail }),
    ],
  ];

  test.each(broken)("a meter whose %s throws never reaches the application", async (_, getMeter) => {
    const uncaught = vi.fn<(error: unknown) => void>();
    process.on("uncaughtException", uncaught);
    const codes = await warningsOf(async () => {
      using _metrics = otelMetrics({ meterProvider: { getMeter } });
      const breaker = new CircuitBreaker({ name: "broken" });
      for (let call = 0; call < 3; call++) expect(await breaker.call(() => call)).toBe(call);
    });
    process.off("uncaughtException", uncaught);
    expect(codes).toEqual(["KSTLIB_TELEMETRY_FAILED"]);
    expect(uncaught).not.toHaveBeenCalled();
  });

  test.each([
    [{ meterProvider: {} }, "meterProvider must be a meter provider of OpenTelemetry; got an object."],
    [{ meterProvider: 1 }, "meterProvider must be a meter provider of OpenTelemetry; got 1."],
    [{ provider: 1 }, "provider is not an option of otelMetrics"],
    [null, "the options of otelMetrics must be a plain object"],
  ])("refuses %j", (options, message) => {
    expect(() => otelMetrics(options as never)).toThrow(TypeError);
    expect(() => otelMetrics(options as never)).toThrow(message);
  });
});

describe("otelSpanEvents", () => {
  test("a span that throws never reaches the application", async () => {
    const span: OtelSpan = {
      isRecording: () => true,
      addEvent() {
        throw new Error("of the exporter");
      },
    };
    const codes = await warningsOf(async () => {
      using _events = otelSpanEvents({ trace: { getActiveSpan: () => span } });
      const breaker = new CircuitBreaker({ name: "broken", maxFailures: 1 });
      const down = new Error("down");
      await expect(breaker.call(() => Promise.reject(down))).rejects.toBe(down);
      await expect(breaker.call(() => 1)).rejects.toThrow("open");
    });
    expect(codes).toEqual(["KSTLIB_TELEMETRY_FAILED"]);
  });

  test.each([
    [{ trace: {} }, "trace must be trace of @opentelemetry/api; got an object."],
    [{ tracer: 1 }, "tracer is not an option of otelSpanEvents"],
  ])("refuses %j", (options, message) => {
    expect(() => otelSpanEvents(options as never)).toThrow(message);
  });
});
