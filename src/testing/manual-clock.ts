import { asyncContext, runIn } from "../kernel/async-context.js";
import type { Clock, Timer, TimerOptions } from "../kernel/clock.js";
import { type Duration, parseDuration } from "../kernel/duration.js";
import { Printed } from "../kernel/printed.js";
import { unlike } from "../kernel/show.js";

interface PendingTimer {
  readonly due: number;
  readonly callback: () => void;
}

/** Whether `setImmediate` is Node's own: a fake would wait until somebody advances it. */
function isImmediateReal(): boolean {
  if (typeof setImmediate !== "function" || typeof clearImmediate !== "function") return false;
  const handle = setImmediate(() => {});
  clearImmediate(handle);
  return typeof handle === "object" && "_onImmediate" in handle;
}

/** Waits for a turn of the event loop by something that fake timers do not replace. */
function turnByMessage(resolve: () => void): void {
  const { MessageChannel: Channel } = process.getBuiltinModule("node:worker_threads");
  const { port1, port2 } = new Channel();
  port1.once("message", () => {
    port1.close();
    resolve();
  });
  port2.postMessage(undefined);
}

// Captured now, before a test replaces the global; if one already has, a message is used instead.
const nextTurn: (resolve: () => void) => unknown = isImmediateReal() ? setImmediate : turnByMessage;

/**
 * A clock that moves only when told to, for tests without sleeping.
 *
 * @example
 * ```ts
 * import { CircuitBreaker } from "@kstlib/resilience";
 * import { ManualClock } from "@kstlib/resilience/testing";
 *
 * const clock = new ManualClock();
 * const breaker = new CircuitBreaker({ maxFailures: 1, resetTimeout: 30, clock });
 * await breaker.call(() => Promise.reject(new Error("down"))).catch(() => {});
 * console.assert(breaker.state === "open");
 * await clock.advance(30);
 * console.assert(breaker.state === "half-open");
 * ```
 */
export class ManualClock extends Printed implements Clock {
  #now = 0;
  #wall = Date.UTC(2025, 0, 1);
  readonly #timers: PendingTimer[] = [];
  readonly #work = new Set<Promise<unknown>>();
  /** Settles with the last requested advance, also a failed one. */
  #advanced: Promise<unknown> = Promise.resolve();

  /** The number of pending timers: 0 after a component was stopped shows that it left none behind. */
  get pendingTimers(): number {
    return this.#timers.length;
  }

  /** Both times and the timers, as `console.log` and `JSON.stringify` show them. */
  snapshot(): { readonly now: number; readonly wallNow: number; readonly pendingTimers: number } {
    return { now: this.#now, wallNow: this.#wall, pendingTimers: this.pendingTimers };
  }

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.#wall;
  }

  setTimer(callback: () => void, delay: number, _options?: TimerOptions): Timer {
    const context = asyncContext();
    const timer: PendingTimer = {
      due: this.#now + Math.max(0, delay),
      callback: () => runIn(context, callback),
    };
    const after = this.#timers.findIndex((other) => other.due > timer.due);
    this.#timers.splice(after === -1 ? this.#timers.length : after, 0, timer);
    return { cancel: () => this.#remove(timer) };
  }

  /** Moves both clocks at once; timers that come due fire at the next {@link advance}, as after a blocked thread. */
  sleepSync(delay: number): void {
    this.#moveTo(this.#now + Math.max(0, delay));
  }

  track(work: Promise<unknown>): void {
    const settled = (): void => {
      this.#work.delete(tracked);
    };
    const tracked: Promise<unknown> = work.then(settled, settled);
    this.#work.add(tracked);
  }

  /**
   * Moves both clocks forward. Timers that come due fire in the order of their times, each in the async context in which it
   * was set; promise jobs and the
   * background work of components (a heartbeat's write) settle before the next one fires and before this resolves.
   * Advances run one after the other, so background work must not wait for another advance.
   *
   * @param duration seconds, or a string with a unit; 0 only lets promise jobs settle.
   */
  async advance(duration: Duration): Promise<void> {
    const length = parseDuration(duration, "duration", { zero: true, long: true });
    const advancing = this.#advanced.then(() => this.#advance(length));
    this.#advanced = advancing.catch(() => {});
    return advancing;
  }

  /**
   * Moves the wall clock alone, as an administrator or NTP does.
   *
   * @param seconds may be negative.
   * @throws TypeError if it is not a number, RangeError if the result is not a valid date.
   */
  jumpWall(seconds: number): void {
    if (typeof seconds !== "number") throw new TypeError(unlike("seconds", "a number", seconds));
    const wall = this.#wall + seconds * 1000;
    if (Number.isNaN(new Date(wall).getTime())) {
      throw new RangeError(unlike("seconds", "a number that leads to a valid date", seconds));
    }
    this.#wall = wall;
  }

  async #advance(length: number): Promise<void> {
    const end = this.#now + length;
    await this.#settle();
    for (let next = this.#timers[0]; next !== undefined && next.due <= end; next = this.#timers[0]) {
      this.#remove(next);
      this.#moveTo(next.due);
      next.callback();
      await this.#settle();
    }
    this.#moveTo(end);
  }

  #moveTo(time: number): void {
    // A callback that slept has moved the clock already.
    if (time <= this.#now) return;
    this.#wall += time - this.#now;
    this.#now = time;
  }

  #remove(timer: PendingTimer): void {
    const index = this.#timers.indexOf(timer);
    if (index !== -1) this.#timers.splice(index, 1);
  }

  async #settle(): Promise<void> {
    do {
      await Promise.all(this.#work);
      // All promise jobs run before the event loop turns.
      await new Promise<void>((resolve) => {
        nextTurn(resolve);
      });
    } while (this.#work.size > 0);
  }
}
