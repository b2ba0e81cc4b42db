/** A one-shot timer of a {@link Clock}. */
export interface Timer {
  /** Forgets the callback; safe to call at any time, any number of times. */
  cancel(): void;
}

/** How {@link Clock.setTimer} treats the process while the timer is pending. */
export interface TimerOptions {
  /** `true` (the default) keeps the process alive until the timer fires; `false` does not. */
  readonly ref?: boolean;
}

/**
 * The only source of time in the library. Readings are in milliseconds, as `performance.now()` and
 * `Date.now()` give them; durations in options, errors and reports are seconds.
 *
 * `realClock` is the default everywhere; `ManualClock` (from `@kstlib/resilience/testing`) moves only when
 * a test says so.
 */
export interface Clock {
  /** Monotonic time in milliseconds from an arbitrary origin. Every duration is measured with this. */
  now(): number;
  /** Wall-clock time in milliseconds since 1970. Used for timestamps that other programs read, nothing else. */
  wallNow(): number;
  /**
   * Runs `callback` once, `delay` milliseconds from now or later, never earlier by this clock.
   * Any finite delay works, also beyond the 2³¹−1 ms of `setTimeout`.
   */
  setTimer(callback: () => void, delay: number, options?: TimerOptions): Timer;
  /** Blocks the calling thread for `delay` milliseconds without spinning. */
  sleepSync(delay: number): void;
  /** Told of work that a component does in the background, so that a manual clock can wait for it. */
  track?(work: Promise<unknown>): void;
}

const LONGEST_TIMEOUT = 2 ** 31 - 1;

// Captured once: the global is a getter on some versions, and a test that replaces it must not move our time.
const monotonic = performance.now.bind(performance);

class RealTimer implements Timer {
  readonly #callback: () => void;
  readonly #due: number;
  readonly #ref: boolean;
  #handle: ReturnType<typeof setTimeout> | undefined;

  constructor(callback: () => void, delay: number, ref: boolean) {
    this.#callback = callback;
    this.#due = monotonic() + delay;
    this.#ref = ref;
    this.#arm(delay);
  }

  cancel(): void {
    clearTimeout(this.#handle);
    this.#handle = undefined;
  }

  #arm(delay: number): void {
    this.#handle = setTimeout(this.#wake, Math.min(Math.max(1, Math.ceil(delay)), LONGEST_TIMEOUT));
    if (!this.#ref) this.#handle.unref();
  }

  readonly #wake = (): void => {
    // Node's timers have whole milliseconds and may fire a fraction early; a long delay comes in stages.
    const remaining = this.#due - monotonic();
    if (remaining > 0) {
      this.#arm(remaining);
      return;
    }
    this.#handle = undefined;
    this.#callback();
  };
}

/** The machine's monotonic time alone, for what never waits: a bundle without timers need not carry them. */
export const monotonicClock: Pick<Clock, "now"> = { now: monotonic };

let sleeper: Int32Array | undefined;

/** The clock of the machine: `performance.now()`, `Date.now()`, `setTimeout`, `Atomics.wait`. */
export const realClock: Clock = {
  now: monotonic,
  wallNow: () => Date.now(),
  setTimer: (callback, delay, options) => new RealTimer(callback, delay, options?.ref ?? true),
  sleepSync(delay) {
    sleeper ??= new Int32Array(new SharedArrayBuffer(4));
    const end = monotonic() + delay;
    for (let left = delay; left > 0; left = end - monotonic()) Atomics.wait(sleeper, 0, 0, left);
  },
};
