import { onAbort, throwIfAborted } from "../kernel/abort.js";
import type { Clock } from "../kernel/clock.js";
import type { Component } from "../kernel/component.js";
import { disposable } from "../kernel/disposable.js";
import type { Duration } from "../kernel/duration.js";
import { Events, type Listener } from "../kernel/events.js";
import type { LogRules } from "../kernel/log-rule.js";
import { resolveOptions } from "../kernel/options.js";
import { Printed } from "../kernel/printed.js";
import { secondsUntil } from "../kernel/seconds.js";
import { unlike } from "../kernel/show.js";
import { warn } from "../kernel/warning.js";
import { Boundaries } from "./boundaries.js";
import { everyBoundary, Reached } from "./boundary-timer.js";
import { Callback, type Told } from "./callback.js";
import {
  type Boundary,
  EVENT_NAMES,
  type TimeTriggerEvents,
  type TimeTriggerSnapshot,
  type TimeTriggerStats,
} from "./events.js";
import { logRules } from "./log-rules.js";
import { resolveTimeTrigger, type TimeTriggerOptions, type TimeTriggerSettings } from "./options.js";
import {
  callbackRules,
  marginRule,
  type OnBoundaryOptions,
  type WaitForBoundaryOptions,
  waitRules,
} from "./wait-options.js";

type Counts = { -readonly [Name in keyof TimeTriggerStats]: TimeTriggerStats[Name] };

/** Dates go up to 8.64e15; the rest is for the longest step. */
const LAST_INSTANT = 8.639e15;

function instantOf(value: unknown): number {
  const isDate = Object.prototype.toString.call(value) === "[object Date]";
  const instant = isDate ? Number(value) : value;
  const wrong = unlike("the instant", "a valid Date or milliseconds since 1970", isDate ? instant : value);
  if (typeof instant !== "number") throw new TypeError(wrong);
  if (!(Math.abs(instant) <= LAST_INSTANT)) throw new RangeError(wrong);
  return instant;
}

/**
 * Boundaries of the local wall clock: each minute, each fourth hour, each midnight or Monday of a time zone, and a wait
 * or a callback for each of them, once, however late a timer is or the clock is set.
 *
 * Steps of up to a day are counted anew from each local midnight, longer ones from a Monday. A time that the clock does
 * not show, because it is set forward, is at the first instant after the change. One that it shows twice, because it is
 * set back, counts twice for steps no longer than what is repeated, otherwise the first time only.
 *
 * @throws TypeError for an unknown option or a value of the wrong type.
 * @throws RangeError for a value out of range, or a time zone that `Intl` does not know.
 * @example
 * ```ts
 * import { TimeTrigger } from "@kstlib/resilience/schedule";
 *
 * const trigger = new TimeTrigger("1d", { timezone: "Europe/Paris" });
 * console.log(trigger.nextBoundary(new Date("2026-03-28T12:00:00Z")).toISOString()); // 2026-03-28T23:00:00.000Z
 * console.log(trigger.nextBoundary(new Date("2026-03-29T12:00:00Z")).toISOString()); // 2026-03-29T22:00:00.000Z
 * using subscription = trigger.onBoundary(({ boundary, missed }) => {
 *   console.log(`the day ${boundary.toISOString()} begins, ${missed} before it were missed`);
 * });
 * ```
 */
export class TimeTrigger extends Printed implements Component, Disposable {
  /** @internal */
  readonly logRules: LogRules = logRules;
  readonly #settings: TimeTriggerSettings;
  readonly #owner: string;
  readonly #boundaries: Boundaries;
  readonly #events: Events<TimeTriggerEvents>;
  readonly #subscriptions = new Set<Disposable>();
  /** For `shouldTrigger`. */
  readonly #reached: Reached;
  readonly #stats: Counts = { calls: 0, missed: 0, overruns: 0, failures: 0, lastBoundary: null };

  /** @param every from 1 minute to 7 days; a number is seconds. `undefined`: as configured. */
  constructor(every: Duration | undefined, options?: TimeTriggerOptions) {
    super();
    const settings = resolveTimeTrigger(every, options);
    const { name } = settings;
    this.#settings = settings;
    this.#owner = `time trigger ${JSON.stringify(name)}`;
    this.#boundaries = new Boundaries(settings.every, settings.offset, settings.timezone);
    this.#events = new Events(this.#owner, EVENT_NAMES, { kind: "schedule", name });
    this.#reached = new Reached(this.#boundaries, settings.every, this.#boundaries.upTo(this.#now));
  }

  get name(): string {
    return this.#settings.name;
  }

  /** Seconds between two boundaries. */
  get every(): number {
    return this.#settings.every / 1000;
  }

  get timezone(): string {
    return this.#settings.timezone;
  }

  /** Counts of all callbacks since construction, frozen. */
  get stats(): TimeTriggerStats {
    return Object.freeze({ ...this.#stats });
  }

  /**
   * The first boundary after an instant.
   *
   * @param after a Date, or milliseconds since 1970. Default: now.
   * @throws TypeError or RangeError when it is neither.
   */
  nextBoundary(after?: Date | number): Date {
    return new Date(this.#boundaries.after(after === undefined ? this.#now : instantOf(after)));
  }

  /**
   * The last boundary at or before an instant.
   *
   * @param upTo a Date, or milliseconds since 1970. Default: now.
   * @throws TypeError or RangeError when it is neither.
   */
  previousBoundary(upTo?: Date | number): Date {
    return new Date(this.#boundaries.upTo(upTo === undefined ? this.#now : instantOf(upTo)));
  }

  /** Seconds until the next boundary; above 0. */
  timeUntilNext(): number {
    const now = this.#now;
    return secondsUntil(this.#boundaries.after(now), now);
  }

  /**
   * Whether a boundary is no further away than `margin`, before or after it.
   *
   * @param margin less than `every`. Default 1 s.
   */
  isAtBoundary(margin?: Duration): boolean {
    const now = this.#now;
    const most = this.#marginOf(margin, 1);
    return now - this.#boundaries.upTo(now) <= most || this.#boundaries.after(now) - now <= most;
  }

  /**
   * Whether there is something to do, for a program that asks now and then: `true` once for each boundary, from
   * `margin` before it. When several have passed since the last call, it is `true` once for all of them.
   *
   * @param margin less than `every`. Default 30 s.
   */
  shouldTrigger(margin?: Duration): boolean {
    return this.#reached.look(this.#now + this.#marginOf(margin, 30)) !== undefined;
  }

  /**
   * Waits for the next boundary that is further away than `margin`, and resolves `margin` before it. Keeps the process
   * alive.
   *
   * @throws what the signal was aborted with.
   */
  async waitForBoundary(options?: WaitForBoundaryOptions): Promise<Boundary> {
    const { every, clock } = this.#settings;
    const { margin, signal } = resolveOptions("waitForBoundary", waitRules(every), options);
    throwIfAborted(signal);
    return new Promise((resolve, reject) => {
      const timer = everyBoundary(
        clock,
        this.#boundaries,
        { every, margin, ref: true },
        (boundary, missed) => {
          timer.cancel();
          leave?.();
          resolve(Object.freeze({ boundary: new Date(boundary), missed }));
        },
      );
      const leave =
        signal &&
        onAbort(signal, () => {
          timer.cancel();
          reject(signal.reason as Error);
        });
    });
  }

  /**
   * Calls `callback` once for each boundary that is further away than `margin`, `margin` before it, until the result is
   * disposed. What it throws or rejects with is an `error` event, or a warning if that has no listener; the next
   * boundary comes all the same. Does not keep the process alive.
   *
   * @throws TypeError or RangeError for a wrong option.
   */
  onBoundary(callback: (boundary: Boundary) => unknown, options?: OnBoundaryOptions): Disposable {
    if (typeof callback !== "function") throw new TypeError(unlike("callback", "a function", callback));
    const { every, clock } = this.#settings;
    const { margin, runImmediately, overrun } = resolveOptions("onBoundary", callbackRules(every), options);
    const calls = new Callback(callback, overrun === "queue", this.#told);
    const due = (boundary: number, missed: number): void => {
      this.#stats.missed += missed;
      calls.due(new Date(boundary), missed);
    };
    const timers = [everyBoundary(clock, this.#boundaries, { every, margin, ref: false }, due)];
    if (runImmediately) {
      const before = this.#boundaries.upTo(this.#now);
      timers.push(clock.setTimer(() => due(before, 0), 0));
    }
    const subscription = disposable(() => {
      this.#subscriptions.delete(subscription);
      calls.end();
      for (const timer of timers) timer.cancel();
    });
    this.#subscriptions.add(subscription);
    return subscription;
  }

  /** Ends all callbacks of `onBoundary`. Waits go on; they have signals. */
  stop(): void {
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
  }

  /** As {@link stop}. */
  [Symbol.dispose](): void {
    this.stop();
  }

  /**
   * Adds a listener of `boundary`, `overrun` or `error`; disposing of the result removes it.
   *
   * @throws TypeError for an unknown event or a listener that is not a function.
   */
  on<Name extends keyof TimeTriggerEvents>(
    name: Name,
    listener: Listener<TimeTriggerEvents[Name]>,
  ): Disposable {
    return this.#events.on(name, listener);
  }

  /** The current state as a frozen copy. */
  snapshot(): TimeTriggerSnapshot {
    const { name, every, timezone, stats } = this;
    return Object.freeze({
      kind: "schedule",
      name,
      every,
      timezone,
      offset: this.#settings.offset / 1000,
      nextBoundary: this.nextBoundary().toISOString(),
      callbacks: this.#subscriptions.size,
      stats,
    });
  }

  get #now(): number {
    return this.#clock.wallNow();
  }

  get #clock(): Clock {
    return this.#settings.clock;
  }

  #marginOf(margin: Duration | undefined, fallback: number): number {
    return marginRule(fallback, this.#settings.every).parse(
      margin === undefined ? fallback : margin,
      "margin",
    );
  }

  readonly #told: Told = {
    called: (boundary) => {
      this.#stats.calls += 1;
      this.#stats.lastBoundary = boundary.boundary.toISOString();
      this.#events.emit("boundary", boundary);
    },
    overrun: (boundary) => {
      this.#stats.overruns += 1;
      this.#events.emit("overrun", Object.freeze({ boundary }));
    },
    failed: (boundary, error) => {
      this.#stats.failures += 1;
      if (!this.#events.has("error")) {
        warn("KSTLIB_LISTENER_FAILED", `a callback of ${this.#owner} failed`, error);
      }
      this.#events.emit("error", Object.freeze({ boundary, error }));
    },
  };
}
