import type { Snapshot } from "../kernel/component.js";
import { livingComponents, observeLiving } from "../kernel/living.js";
import type { Counter, EventReading, Gauge, Histogram } from "./metrics/definition.js";
import { METRICS } from "./metrics/table.js";
import { Names } from "./names.js";
import { Family, type Series } from "./series.js";
import { type Containment, type Hearing, hearAll, type Message } from "./subscribe.js";

/** Adds what an event says to its series. */
export type Add = (metric: Counter | Histogram, series: Series, amount: number) => void;

/**
 * The figures of all components of the process: sums since it was made, from their events; values of this moment, from the
 * snapshots of those that exist.
 */
export class Collector implements Disposable {
  /** In the order of the table. */
  readonly families: readonly Family[];
  readonly #gauges = new Map<string, Family[]>();
  readonly #containment: Containment;
  readonly #subscription: Disposable;
  readonly #observation = observeLiving();

  constructor(containment: Containment, add: Add) {
    const names = new Names();
    this.#containment = containment;
    this.families = METRICS.map((metric) => new Family(metric, names));
    const hearings: Hearing[] = [];
    for (const family of this.families) {
      const { metric } = family;
      if (metric.type === "gauge") this.#addGauge(family, metric);
      else for (const reading of metric.events) hearings.push(hearing(family, metric, reading, add));
    }
    this.#subscription = hearAll(hearings, containment);
  }

  /** Reads the gauges anew. */
  readGauges(): void {
    for (const families of this.#gauges.values()) for (const family of families) family.clear();
    for (const component of livingComponents()) {
      // A snapshot may run code of the application, such as a clock.
      try {
        const snapshot = component.snapshot();
        for (const family of this.#gauges.get(snapshot.kind) ?? []) addTo(family, snapshot);
      } catch (error) {
        this.#containment.failed(error);
      }
    }
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
    this.#observation[Symbol.dispose]();
  }

  #addGauge(family: Family, { kinds }: Gauge): void {
    for (const kind of kinds) this.#gauges.set(kind, [...(this.#gauges.get(kind) ?? []), family]);
  }
}

function hearing(
  family: Family,
  metric: Counter | Histogram,
  { kind, event, value, amount }: EventReading,
  add: Add,
): Hearing {
  const read = value as (message: Message) => string;
  const measure = amount as ((message: Message) => number | undefined) | undefined;
  const hear = (message: Message): void => {
    const measured = measure === undefined ? 1 : measure(message);
    if (measured === undefined || !Number.isFinite(measured)) return;
    // A clock that was set back makes negative durations.
    add(metric, family.of(message.name, read(message)), Math.max(0, measured));
  };
  return { kind, event, hear };
}

function addTo(family: Family, snapshot: Snapshot): void {
  const gauge = family.metric as Gauge;
  const value = (gauge.read as (snapshot: Snapshot) => number | string | undefined)(snapshot);
  if (typeof value === "string") {
    for (const one of gauge.attribute?.values ?? [])
      family.of(snapshot.name, one).value += one === value ? 1 : 0;
    // What has no limit has no tokens: one of them would hide those of the others.
  } else if (value !== undefined && Number.isFinite(value)) {
    const series = family.of(snapshot.name, "");
    series.value = gauge.together === "max" ? Math.max(series.value, value) : series.value + value;
  }
}
