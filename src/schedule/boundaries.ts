import { Steps } from "./steps.js";
import { offsetsOf, type OffsetAt, type Stretch, Stretches } from "./time-zone.js";

const YEAR = 366 * 86_400_000;
/** No more than this is between what two offsets make of a local time. */
const NEAR = 2 * 86_400_000;

/**
 * The boundaries of a zone's local time, as instants in milliseconds since 1970.
 *
 * - Where the clock is set forward, a boundary that it does not show is at the first instant after the change; several
 *   that it does not show are one.
 * - Where it is set back, a boundary that it shows twice counts both times for steps that are no longer than what is
 *   repeated, as for those real time is what matters ("every 30 minutes"); for longer steps the first time only.
 */
export class Boundaries {
  readonly #steps: Steps;
  readonly #stretches: Stretches;

  constructor(every: number, offset: number, timezone: string | OffsetAt) {
    this.#steps = new Steps(every, offset);
    this.#stretches = new Stretches(typeof timezone === "string" ? offsetsOf(timezone) : timezone);
  }

  /** The first boundary after an instant. */
  after(instant: number): number {
    for (let from = Math.floor(instant) + 1; ;) {
      const stretch = this.#stretches.at(from);
      const { start, end, offset } = stretch;
      if (from === start && this.#startsLate(stretch)) return start;
      const found = this.#steps.from(this.#beginOf(stretch, from) + offset) - offset;
      if (found < end) return found;
      from = Math.max(end, found - NEAR);
    }
  }

  /** The last boundary at or before an instant. */
  upTo(instant: number): number {
    for (let to = Math.floor(instant); ;) {
      const stretch = this.#stretches.at(to);
      const { start, offset } = stretch;
      const found = this.#steps.timeOf(this.#steps.indexAt(to + offset)) - offset;
      if (found >= this.#beginOf(stretch, start)) return found;
      if (this.#startsLate(stretch)) return start;
      to = Math.min(start - 1, found + NEAR);
    }
  }

  /** How many boundaries are after one instant, up to and including another. */
  count(after: number, upTo: number): number {
    let count = 0;
    for (let from = Math.floor(after) + 1; from <= upTo;) {
      const stretch = this.#stretches.at(from);
      const { start, offset } = stretch;
      const end = this.#stretches.endOf(stretch, upTo - YEAR);
      const begin = this.#beginOf(stretch, from);
      const last = Math.min(Math.floor(upTo), end - 1);
      if (from === start && this.#startsLate(stretch)) count += 1;
      if (begin <= last) {
        count += this.#steps.indexAt(last + offset) - this.#steps.indexAt(begin + offset - 1);
      }
      from = end;
    }
    return count;
  }

  /** From where in a stretch, not before `from`, what the clock shows counts. */
  #beginOf({ repeatsUntil, repeated }: Stretch, from: number): number {
    return this.#steps.every > repeated ? Math.max(from, repeatsUntil) : from;
  }

  /** Whether the clock was set forward over a boundary to a time that is none itself. */
  #startsLate({ start, before, offset }: Stretch): boolean {
    const local = start + offset;
    return this.#steps.from(start + before) < local && this.#steps.from(local) !== local;
  }
}
