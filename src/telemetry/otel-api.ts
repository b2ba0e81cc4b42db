/** A distribution of OpenTelemetry. */
export interface OtelHistogram {
  record(value: number, attributes: Readonly<Record<string, string>>): void;
}

/** How an instrument is made. */
export interface OtelInstrumentOptions {
  readonly unit: string;
  readonly description: string;
  readonly advice?: { readonly explicitBucketBoundaries: number[] };
}

/** What a callback tells values to. */
export interface OtelObserver {
  observe(instrument: object, value: number, attributes: Readonly<Record<string, string>>): void;
}

/** The part of a meter of OpenTelemetry that is used. */
export interface OtelMeter {
  createHistogram(name: string, options: OtelInstrumentOptions): OtelHistogram;
  createObservableCounter(name: string, options: OtelInstrumentOptions): object;
  createObservableGauge(name: string, options: OtelInstrumentOptions): object;
  addBatchObservableCallback(callback: (observer: OtelObserver) => void, instruments: object[]): void;
  removeBatchObservableCallback(callback: (observer: OtelObserver) => void, instruments: object[]): void;
}

/** What makes meters: the `MeterProvider` of an SDK. */
export interface OtelMeterProvider {
  getMeter(name: string): OtelMeter;
}

/** The part of a span of OpenTelemetry that is used. */
export interface OtelSpan {
  isRecording(): boolean;
  addEvent(name: string, attributes: Readonly<Record<string, string | number>>): unknown;
}

/** What knows the active span: `trace` of `@opentelemetry/api`. */
export interface OtelTrace {
  getActiveSpan(): OtelSpan | undefined;
}

interface OtelGlobal {
  readonly metrics?: OtelMeterProvider;
  readonly context?: { active(): { getValue(key: symbol): unknown } };
}

// Where all copies of `@opentelemetry/api` 1.x keep what an SDK has registered, so that they work together. Read here rather
// than through the package: that would have to be loaded later, if at all where a bundler has put it into the program.
const GLOBAL = Symbol.for("opentelemetry.js.api.1");
const SPAN = Symbol.for("OpenTelemetry Context Key SPAN");

function registered(): OtelGlobal {
  return (Reflect.get(globalThis, GLOBAL) as OtelGlobal | undefined) ?? {};
}

/** The meter provider that an SDK has registered, if one has. */
export function registeredMeterProvider(): OtelMeterProvider | undefined {
  return registered().metrics;
}

/** The active span as `trace` of `@opentelemetry/api` knows it. */
export const registeredTrace: OtelTrace = {
  getActiveSpan: () => registered().context?.active().getValue(SPAN) as OtelSpan | undefined,
};
