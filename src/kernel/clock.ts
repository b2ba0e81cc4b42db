import { isNative, monotonic, moveAhead, onSwitch } from "./time.js";

/** A one-shot timer of a {@link Clock}. */
export interface Timer {
  /** Cancels the timer; safe to call at any time, any number of times. */
  cancel(): void;
  /** Whether it keeps the process alive from now on; without this method a timer keeps its initial setting. */
  keepAlive?(keeps: boolean): void;
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
 * a test advances it.
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
  /** Receives the background work of components, so that a manual clock can wait for it. */
  track?(work: Promise<unknown>): void;
}

const LONGEST_TIMEOUT = 2 ** 31 - 1;

/** A millionth of a millisecond: below the resolution of any clock, so not worth another wait. */
const NOTHING = 1e-6;

/** Pending timers, which are set again when a test replaces the timer functions. */
const live = new Set<RealTimer>();

function setAgain(): void {
  for (const timer of live) timer.setAgain();
}

class RealTimer implements Timer {
  readonly #callback: () => void;
  readonly #due: number;
  #ref: boolean;
  #handle: ReturnType<typeof setTimeout> | undefined;
  /** The `clearTimeout` that belongs to the handle: fake and real functions cannot clear each other's timers. */
  #clear = clearTimeout;
  /** When the handle's timeout ends, and how long it is. */
  #end = 0;
  #length = 0;

  constructor(callback: () => void, delay: number, ref: boolean) {
    this.#callback = callback;
    this.#due = monotonic() + delay;
    this.#ref = ref;
    onSwitch(setAgain);
    this.#arm(delay);
  }

  cancel(): void {
    live.delete(this);
    this.#drop();
  }

  keepAlive(keeps: boolean): void {
    this.#ref = keeps;
    // A fake may have neither.
    const handle = this.#handle as Partial<NodeJS.Timeout> | undefined;
    if (keeps) handle?.ref?.();
    else handle?.unref?.();
  }

  setAgain(): void {
    this.#drop();
    this.#arm(this.#due - monotonic());
  }

  #drop(): void {
    // Not called as a method: a browser's needs its own `this`.
    const clear = this.#clear;
    clear(this.#handle);
    this.#handle = undefined;
  }

  #arm(delay: number): void {
    live.add(this);
    this.#length = Math.min(Math.max(1, Math.ceil(delay - NOTHING)), LONGEST_TIMEOUT);
    this.#end = Math.min(this.#due, monotonic() + this.#length);
    this.#clear = clearTimeout;
    this.#handle = setTimeout(this.#wake, this.#length);
    if (!this.#ref) this.keepAlive(false);
  }

  readonly #wake = (): void => {
    // Before the clock is read, which may find that the timers were replaced: this one must not be set again.
    live.delete(this);
    const early = this.#end - monotonic();
    // A fake timer fires on time. If the clock does not show that, the clock is not faked along with it.
    const isFake = early > this.#length / 2 && !isNative(this.#handle);
    // A real timer fired slightly early and fakes are installed now, which may never be advanced.
    const isStranded = this.#clear !== clearTimeout;
    this.#handle = undefined;
    if (early > 0 && (isFake || isStranded || early < NOTHING)) moveAhead(early);
    // Node's timers have whole milliseconds and may fire a fraction early; a long delay is split.
    const remaining = this.#due - monotonic();
    if (remaining > 0) {
      this.#arm(remaining);
      return;
    }
    this.#callback();
  };
}

/** Only the monotonic time, for code that never waits, so that a bundle without timers need not contain them. */
export const monotonicClock: Pick<Clock, "now" | "wallNow"> = {
  now: monotonic,
  wallNow: () => Date.now(),
};

let sleeper: Int32Array | undefined;

/**
 * The clock of the machine: `performance.now()`, `Date.now()`, `setTimeout`, `Atomics.wait`. It follows the fake
 * timers of Jest, Vitest, Sinon and `node:test`, installed before or after this package was loaded.
 */
export const realClock: Clock = {
  now: monotonic,
  wallNow: () => Date.now(),
  setTimer: (callback, delay, options) => new RealTimer(callback, delay, options?.ref ?? true),
  sleepSync(delay) {
    sleeper ??= new Int32Array(new SharedArrayBuffer(4));
    const end = monotonic() + delay;
    for (let left = delay; left > 0; left = end - monotonic()) {
      const before = monotonic();
      Atomics.wait(sleeper, 0, 0, left);
      // It did sleep: a clock that has hardly moved is a fake, which cannot be advanced meanwhile.
      const slept = monotonic() - before;
      if (slept < left / 2) moveAhead(left - slept);
    }
  },
};
