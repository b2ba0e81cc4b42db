/** How far local time is ahead of UTC at an instant, both in milliseconds. */
export type OffsetAt = (instant: number) => number;

/**
 * The offsets of a time zone, as `Intl` knows them.
 *
 * @throws RangeError for an unknown zone.
 */
export function offsetsOf(timeZone: string): OffsetAt {
  const format = new Intl.DateTimeFormat("en-US", { timeZone, timeZoneName: "longOffset" });
  return (instant) => {
    // "1/31/2026, GMT-03:30", of some versions with U+2212 for the minus; until 1972 some have seconds.
    const [, sign, ...parts] = /GMT(?:(\D)(\d+):(\d+)(?::(\d+))?)?$/.exec(format.format(instant)) ?? [];
    const [hours = 0, minutes = 0, seconds = 0] = parts.map((part) => Number(part ?? 0));
    return (sign === "+" ? 1000 : -1000) * (hours * 3600 + minutes * 60 + seconds);
  };
}

/** An interval in which the offset stays the same. */
export interface Stretch {
  /** The first instant. */
  readonly start: number;
  /** The instant after the last. */
  readonly end: number;
  readonly offset: number;
  /** The offset just before the start. */
  readonly before: number;
  /** Until this instant, the clock shows times again that it has shown before it was set back. */
  readonly repeatsUntil: number;
  /** By how much it was set back. */
  readonly repeated: number;
}

const DAY = 86_400_000;
const FIVE_DAYS = 5 * DAY;
/** Enough for the boundaries before and after an instant. */
const MOST_KNOWN = 4;

/**
 * Finds where a zone's offset stays the same, a day of UTC at a time, and remembers the last answers. An offset that is
 * the same at both ends of a day has not changed in between: no zone has two changes within a day.
 */
export class Stretches {
  readonly #offsetAt: OffsetAt;
  #known: Stretch[] = [];
  /** The last change that was found: the days around it ask for the same. */
  #change = { start: 0, before: Number.NaN };

  constructor(offsetAt: OffsetAt) {
    this.#offsetAt = offsetAt;
  }

  /** The stretch around an instant; it may be cut at a midnight of UTC, where nothing changes. */
  at(instant: number): Stretch {
    const known = this.#known.find(({ start, end }) => start <= instant && instant < end);
    if (known !== undefined) return known;
    const found = this.#find(instant);
    this.#known = [found, ...this.#known.slice(0, MOST_KNOWN - 1)];
    return found;
  }

  /**
   * The end of a stretch that is not cut before `until`, by a look each five days: no zone has gone back to an offset so
   * soon. By days it would take up to a second for the years since 1970, where a clock without a battery begins.
   */
  endOf({ end, offset }: Stretch, until: number): number {
    let found = end;
    while (found + FIVE_DAYS <= until && this.#offsetAt(found + FIVE_DAYS - 1) === offset) found += FIVE_DAYS;
    return found;
  }

  #find(instant: number): Stretch {
    const offsetAt = this.#offsetAt;
    const day = Math.floor(instant / DAY) * DAY;
    // From the day before: what is repeated after a change may reach into this one.
    let known = day - DAY - 1;
    let offset = offsetAt(known);
    let change = { start: day, before: offset, repeatsUntil: -Infinity, repeated: 0 };
    for (const end of [day, day + DAY]) {
      while (offsetAt(end - 1) !== offset) {
        const start = this.#changeBetween(known, end - 1, offset);
        if (start > instant) return { ...change, end: start, offset };
        const before = offset;
        offset = offsetAt(start);
        const repeated = Math.max(0, before - offset);
        change = { start, before, repeatsUntil: start + repeated, repeated };
        known = start;
      }
      known = end - 1;
    }
    return { ...change, end: day + DAY, offset };
  }

  /** The first instant with another offset than `offset`, after `same`, which has it, and up to `other`, which has not. */
  #changeBetween(same: number, other: number, offset: number): number {
    const { start, before } = this.#change;
    if (before === offset && same < start && start <= other) return start;
    let [low, high] = [same, other];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.#offsetAt(middle) === offset) low = middle;
      else high = middle;
    }
    this.#change = { start: high, before: offset };
    return high;
  }
}
