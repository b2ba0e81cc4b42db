import type { Clock } from "../kernel/clock.js";
import { standstill } from "../process/standstill.js";

/** A wall clock that ran ahead by this was set, or the machine was asleep: the age of a beat grew by as much. */
const JUMP = 1000;

/** What of a beat's age is no evidence against who wrote it, because the watcher stood still itself. */
export class SparedTime {
  readonly #clock: Pick<Clock, "now" | "wallNow">;
  #last: number;
  #lastWall: number;
  #age = 0;
  #spared = 0;

  constructor(clock: Pick<Clock, "now" | "wallNow">) {
    this.#clock = clock;
    this.#last = clock.now();
    this.#lastWall = clock.wallNow();
  }

  /**
   * Takes in what has passed since the last look.
   *
   * @param asked what was meant to pass, in milliseconds.
   * @returns how much of it the monotonic clock has shown as a standstill.
   */
  pass(asked: number): number {
    const now = this.#clock.now();
    const wall = this.#clock.wallNow();
    const elapsed = now - this.#last;
    const jumped = wall - this.#lastWall - elapsed;
    this.#last = now;
    this.#lastWall = wall;
    const still = standstill(elapsed, asked);
    this.#spared += still + (jumped < JUMP ? 0 : jumped);
    return still;
  }

  /** How much of the age of the last beat, in milliseconds, does not count. */
  of(age: number): number {
    // A beat that came after the standstill has no part in it.
    if (age < this.#age) this.#spared = 0;
    this.#age = age;
    // Nor has a beat the part before it: whoever wrote in the meantime gets a whole period from now.
    this.#spared = Math.min(this.#spared, Math.max(0, age));
    return this.#spared;
  }

  /**
   * Whether a beat that is too old would be young enough, had the watcher not stood still. Times in milliseconds.
   *
   * @param age of the beat; where it is not known, `unwell` is what counts.
   */
  spares(age: number | null, unwell: number, maxAge: number): boolean {
    const silent = age ?? unwell + this.#spared;
    const spared = this.of(silent);
    return spared > 0 && silent - spared <= maxAge;
  }
}
