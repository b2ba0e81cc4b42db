import type { Clock } from "../kernel/clock.js";
import { LookTimes } from "../process/standstill.js";

/** How much of a beat's age does not count against its writer, because the watcher stood still itself. */
export class ExcusedTime {
  readonly #looks: LookTimes;
  #age = 0;
  #excused = 0;

  constructor(clock: Pick<Clock, "now" | "wallNow">) {
    this.#looks = new LookTimes(clock);
  }

  /**
   * Takes in what has passed since the last look.
   *
   * @param asked what was meant to pass, in milliseconds.
   * @returns how long the watcher stood still by the monotonic clock.
   */
  pass(asked: number): number {
    const { still, jumped } = this.#looks.look(asked);
    // A beat's age is by the wall clock: it grew by a jump, too.
    this.#excused += still + jumped;
    return still;
  }

  /** How much of the `age` of the last beat, in milliseconds, does not count. */
  of(age: number): number {
    // A new beat, written after the standstill.
    if (age < this.#age) this.#excused = 0;
    this.#age = age;
    // No more than its age is excused: a writer that has beaten in the meantime gets a whole period from now.
    this.#excused = Math.min(this.#excused, Math.max(0, age));
    return this.#excused;
  }

  /**
   * Whether a beat that is too old would be young enough, had the watcher not stood still. Times in milliseconds.
   *
   * @param age of the beat; where it is not known, `unwell` is what counts.
   */
  excuses(age: number | null, unwell: number, maxAge: number): boolean {
    const silent = age ?? unwell + this.#excused;
    const excused = this.of(silent);
    return excused > 0 && silent - excused <= maxAge;
  }
}
