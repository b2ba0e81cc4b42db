import type { Clock } from "../kernel/clock.js";

/** A watcher that is late by more than this, and by more than the wait it asked for, was not running. Milliseconds. */
const LEAST_LATENESS = 50;
/** If the wall clock moved this much more than the monotonic one, it was set, or the machine was asleep. */
const JUMP = 1000;

/**
 * For how long a watcher stood still itself, in milliseconds: stopped, in a paused container, on a sleeping machine, or
 * without a CPU. What it watches may have stood still as well, so this time does not count against it.
 *
 * @param elapsed the time since the last look.
 * @param asked the time that should have passed.
 */
export function standstill(elapsed: number, asked: number): number {
  const late = elapsed - asked;
  return late > Math.max(asked, LEAST_LATENESS) ? late : 0;
}

/** What has passed between two looks of a watcher, in milliseconds. */
export interface Elapsed {
  /** The time of this look on the monotonic clock. */
  readonly now: number;
  readonly elapsed: number;
  /** How much of that is a {@link standstill}. */
  readonly still: number;
  /** By how much more the wall clock moved: the machine slept, or the clock was set. */
  readonly jumped: number;
}

/** Measures the time between the looks of a watcher, and how long the watcher stood still itself. */
export class LookTimes {
  readonly #clock: Pick<Clock, "now" | "wallNow">;
  #last: number;
  #lastWall: number;

  constructor(clock: Pick<Clock, "now" | "wallNow">) {
    this.#clock = clock;
    this.#last = clock.now();
    this.#lastWall = clock.wallNow();
  }

  /** When the last look was, on the monotonic clock. */
  get last(): number {
    return this.#last;
  }

  /** @param asked the time that should have passed since the last look. */
  look(asked: number): Elapsed {
    const now = this.#clock.now();
    const wall = this.#clock.wallNow();
    const elapsed = now - this.#last;
    const jumped = wall - this.#lastWall - elapsed;
    this.#last = now;
    this.#lastWall = wall;
    return { now, elapsed, still: standstill(elapsed, asked), jumped: jumped < JUMP ? 0 : jumped };
  }
}
