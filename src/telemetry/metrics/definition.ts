/** An attribute that tells the series of one name apart: a closed set of values, never data of the application. */
export interface Attribute {
  readonly key: string;
  readonly values: readonly string[];
}

interface Described {
  /** Without the prefix `kstlib.resilience.`; up to the first dot, the pattern that it is about. */
  readonly name: string;
  /** By UCUM: `s`, or what is counted in braces. */
  readonly unit: string;
  readonly description: string;
  readonly attribute?: Attribute | undefined;
}

/** What one event of one kind of component says. */
export interface EventReading {
  readonly kind: string;
  readonly event: string;
  /** The value of the attribute. */
  readonly value: (message: never) => string;
  /** How many, or how many seconds; `undefined`: it does not count. Default 1. */
  readonly amount?: (message: never) => number | undefined;
}

/** A sum that only grows, from the events of components. */
export interface Counter extends Described {
  readonly type: "counter";
  readonly events: readonly EventReading[];
}

/**
 * A distribution, from the events of components. By name alone: each value of an attribute would be another seventeen
 * series of Prometheus, and half a microsecond more for each record of OpenTelemetry's SDK.
 */
export interface Histogram extends Described {
  readonly type: "histogram";
  readonly events: readonly EventReading[];
  /** The upper bounds of its buckets, ascending. */
  readonly buckets: readonly number[];
}

/** A value at one moment, from the snapshots of the components that exist. */
export interface Gauge extends Described {
  readonly type: "gauge";
  readonly kinds: readonly string[];
  /** Its value; with an attribute, the value of this that is 1 while the others are 0. `undefined`: it has none now. */
  read(snapshot: never): number | string | undefined;
  /** What several components of one name have together. Default `sum`. */
  readonly together?: "sum" | "max";
}

/** One metric, whoever reports it. */
export type Metric = Counter | Histogram | Gauge;

export const PREFIX = "kstlib.resilience.";

/** The bounds that the semantic conventions recommend for durations in seconds. */
export const SECONDS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];

/** How the events of a kind are read: by event, the value of the attribute for each message. */
type Values<Payloads extends object> = {
  readonly [Name in keyof Payloads]?: (message: Payloads[Name]) => string;
};
type Amounts<Payloads extends object> = {
  readonly [Name in keyof Payloads]?: (message: Payloads[Name]) => number | undefined;
};

/** Reads events of components of some kinds. */
export function from<Payloads extends object>(
  kinds: string | readonly string[],
  values: Values<Payloads>,
  amounts: Amounts<Payloads> = {},
): readonly EventReading[] {
  return [kinds].flat().flatMap((kind) =>
    Object.entries(values).map(([event, value]): EventReading => {
      const amount = (amounts as Readonly<Record<string, EventReading["amount"]>>)[event];
      return {
        kind,
        event,
        value: value as EventReading["value"],
        ...(amount === undefined ? {} : { amount }),
      };
    }),
  );
}

/** For metrics without an attribute. */
export function one(): string {
  return "";
}
