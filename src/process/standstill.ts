import type { Clock } from "../kernel/clock.js";

/** A watcher that is later than this, and than the wait it asked for, was not running at all. In milliseconds. */
const LEAST_LATENESS = 50;
/** A wall clock that ran ahead of the monotonic one by this was set, or the machine was asleep. */
const JUMP = 1000;

/**
 * For how long a watcher stood still itself, in milliseconds: stopped, frozen with its container, asleep with the
 * machine, or without a CPU. What it watches may have stood still as well, so this time is no evidence against it.
 *
 * @param elapsed what has passed since the last look.
 * @param asked what was meant to pass.
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
  /** By how much the wall clock ran ahead meanwhile: the machine slept, or somebody has set the clock. */
  readonly jumped: number;
}

/** Measures what passes between the looks of a watcher, and for how long the watcher stood still itself. */
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

  /** @param asked what was meant to pass since the last look. */
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
