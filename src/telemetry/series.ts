import type { Counter, Histogram, Metric } from "./metrics/definition.js";
import { type Names, OTHER } from "./names.js";

/** The attributes of a series: the name, and one of a closed set where the metric has one. */
export type Attributes = Readonly<Record<string, string>>;

/** One value of a metric, or one distribution, in which `value` is the sum. */
export class Series {
  readonly attributes: Attributes;
  value = 0;
  /** How many were at most as large as each bound, and larger than the one before; last, those above all. */
  readonly counts: number[];
  /** How the labels are written, by whoever writes them. */
  text: string | undefined;

  constructor(attributes: Attributes, bounds: readonly number[] | undefined) {
    this.attributes = attributes;
    this.counts = bounds === undefined ? [] : Array.from({ length: bounds.length + 1 }, () => 0);
  }
}

/** The series of one metric. */
export class Family {
  readonly metric: Metric;
  readonly #names: Names;
  readonly #pattern: string;
  readonly #byName = new Map<string, Map<string, Series>>();

  constructor(metric: Metric, names: Names) {
    this.metric = metric;
    this.#names = names;
    this.#pattern = metric.name.slice(0, metric.name.indexOf("."));
  }

  /** The series of a component's name and a value of the attribute. */
  of(name: unknown, value: string): Series {
    const found = this.#byName.get(name as string)?.get(value);
    return found ?? this.#open(name, value);
  }

  *[Symbol.iterator](): IterableIterator<Series> {
    for (const ofName of this.#byName.values()) yield* ofName.values();
  }

  /** Forgets all series. */
  clear(): void {
    this.#byName.clear();
  }

  #open(givenName: unknown, givenValue: string): Series {
    const { attribute } = this.metric;
    const name = this.#names.admit(this.#pattern, givenName);
    // Whatever a message says, the set stays closed.
    const value = attribute === undefined || attribute.values.includes(givenValue) ? givenValue : OTHER;
    const known = this.#byName.get(name);
    const found = known?.get(value);
    if (found !== undefined) return found;
    const series = new Series(
      attribute === undefined ? { name } : { name, [attribute.key]: value },
      this.metric.type === "histogram" ? this.metric.buckets : undefined,
    );
    this.#byName.set(name, (known ?? new Map<string, Series>()).set(value, series));
    return series;
  }
}

/** Adds to a sum, or counts a value of a distribution in its bucket. */
export function add(metric: Counter | Histogram, series: Series, amount: number): void {
  series.value += amount;
  if (metric.type === "counter") return;
  let bucket = 0;
  for (const bound of metric.buckets) {
    if (amount <= bound) break;
    bucket++;
  }
  series.counts[bucket] = (series.counts[bucket] ?? 0) + 1;
}
