import { type Clock, monotonicClock } from "../../kernel/clock.js";
import type { Component, Snapshot } from "../../kernel/component.js";
import type { Duration } from "../../kernel/duration.js";
import { Events, type Listener } from "../../kernel/events.js";
import { tellMade } from "../../kernel/configured.js";
import { changeSettings, type OptionRules, resolveOptions, type SettingsFor } from "../../kernel/options.js";
import { Printed } from "../../kernel/printed.js";
import { duration, having, numberFrom, optional, text } from "../../kernel/rules.js";
import { SlidingSums } from "./sliding-sums.js";

/** Options of a `RetryBudget`. */
export interface RetryBudgetOptions {
  /** Names the budget and selects `instances.<name>` of the configuration. Default `"retry-budget"`. */
  readonly name?: string | undefined;
  /** How many extra attempts there may be for each call. 0 to 10; default 0.2. */
  readonly ratio?: number | undefined;
  /** Extra attempts a second that are always allowed, even without calls. At least 0; default 10. */
  readonly minPerSecond?: number | undefined;
  /** The time over which calls and extra attempts are counted. Default 10 s. */
  readonly window?: Duration | undefined;
  /**
   * The largest share of the calls under way that may be in an extra attempt; three calls always may. 0 to 1; default:
   * no limit.
   */
  readonly maxInFlightRatio?: number | undefined;
  /** The source of time. Default: the system's. */
  readonly clock?: Pick<Clock, "now"> | undefined;
}

type RetryBudgetSettings = SettingsFor<
  RetryBudgetOptions,
  {
    name: string;
    ratio: number;
    minPerSecond: number;
    window: number;
    maxInFlightRatio: number | undefined;
    clock: Pick<Clock, "now">;
  }
>;

export const retryBudgetRules: OptionRules<RetryBudgetSettings> = {
  name: text("retry-budget"),
  ratio: numberFrom(0.2, 0, 10),
  minPerSecond: numberFrom(10, 0),
  window: duration(10),
  maxInFlightRatio: optional(numberFrom(undefined, 0, 1)),
  clock: having<Pick<Clock, "now">>(monotonicClock, "a clock", ["now"]),
};

/** What `update` can change: options as for the constructor, and `null` for no limit. */
export interface RetryBudgetChanges extends Pick<RetryBudgetOptions, "ratio" | "minPerSecond"> {
  /** `null`: no limit. */
  readonly maxInFlightRatio?: number | null | undefined;
}

/** The rules of {@link RetryBudgetChanges}. */
export const liveRules: Pick<typeof retryBudgetRules, keyof RetryBudgetChanges> = {
  ratio: retryBudgetRules.ratio,
  minPerSecond: retryBudgetRules.minPerSecond,
  maxInFlightRatio: retryBudgetRules.maxInFlightRatio,
};

/** Totals over the lifetime of a retry budget. */
export interface RetryBudgetStats {
  /** Calls that were counted, each once, however many policies it goes through. */
  readonly totalCalls: number;
  /** Extra attempts that were allowed. */
  readonly extraAttempts: number;
  /** Extra attempts that were not allowed. */
  readonly suppressed: number;
}

/** The state of a retry budget at one moment. */
export interface RetryBudgetSnapshot extends Snapshot {
  readonly kind: "retry-budget";
  /** Extra attempts that the window would allow at this moment. */
  readonly available: number;
  readonly running: number;
  readonly extraRunning: number;
  readonly stats: RetryBudgetStats;
}

/** The events of a retry budget and what their listeners get. */
export interface RetryBudgetEvents {
  /** An extra attempt was not allowed. */
  suppressed: { readonly reason: "window" | "in-flight" };
}

const FEWEST_IN_FLIGHT = 3;

/**
 * Limits the extra attempts of retries and hedges to a share of the calls: over each `window` at most `ratio` of the
 * calls, plus `minPerSecond`. When every call fails, the load then grows by a fifth instead of threefold. It suppresses only
 * extra attempts: never a first one, and none that is under way.
 *
 * Share one budget among all retries and hedges that call the same service. A call that goes through several of
 * them with one context is counted once.
 *
 * The idea is that of Finagle's `RetryBudget`, with a window of slots instead of a leaky bucket.
 *
 * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range.
 * @example
 * ```ts
 * import { Retry, RetryBudget } from "@kstlib/resilience";
 *
 * const budget = new RetryBudget({ ratio: 0.2, minPerSecond: 0 });
 * const retry = new Retry({ attempts: 3, delay: 0, budget });
 * const failing = (): Promise<never> => Promise.reject(new Error("down"));
 * await retry.call(failing).catch(() => {});
 * console.assert(retry.stats.suppressed === 1 && budget.stats.extraAttempts === 0);
 * ```
 */
export class RetryBudget extends Printed implements Component {
  readonly name: string;
  #settings: RetryBudgetSettings;
  readonly #events: Events<RetryBudgetEvents>;
  readonly #sums: SlidingSums;
  #total = 0;
  #extra = 0;
  #suppressed = 0;
  #running = 0;
  #extraRunning = 0;

  constructor(options?: RetryBudgetOptions) {
    super();
    const settings = resolveOptions("RetryBudget", retryBudgetRules, options, "retryBudget");
    this.name = settings.name;
    this.#settings = settings;
    this.#sums = new SlidingSums(settings.window);
    const source = { kind: "retry-budget", name: this.name };
    this.#events = new Events(`retry budget "${this.name}"`, ["suppressed"], source);
    tellMade(this, "retry-budget", options);
  }

  /** Counts a call that begins. Call {@link leave} once it has settled. */
  enter(): void {
    this.#total++;
    this.#running++;
    this.#sums.addCall(this.#settings.clock.now());
  }

  /** A call that was counted has settled. */
  leave(): void {
    this.#running--;
  }

  /** Whether one extra attempt is allowed; counts it if so. Call {@link leaveExtra} once it has settled. */
  tryExtra(): boolean {
    const now = this.#settings.clock.now();
    const { maxInFlightRatio = Infinity } = this.#settings;
    const most = Math.max(FEWEST_IN_FLIGHT, maxInFlightRatio * this.#running);
    // A share of a whole number of calls may be rounded to just below a whole number.
    const isWithin = this.#available(now) >= 1 - 1e-9;
    if (!isWithin || this.#extraRunning >= most) {
      this.#suppressed++;
      this.#events.emit("suppressed", { reason: isWithin ? "in-flight" : "window" });
      return false;
    }
    this.#extra++;
    this.#extraRunning++;
    this.#sums.addExtra(now);
    return true;
  }

  /** An extra attempt has settled. */
  leaveExtra(): void {
    this.#extraRunning--;
  }

  /** Changes options, for the extra attempts from now on; calls that were counted stay so. */
  update(changes: RetryBudgetChanges): void {
    this.#settings = changeSettings(liveRules, this.#settings, changes);
  }

  /** A frozen copy of the totals. */
  get stats(): RetryBudgetStats {
    return Object.freeze({
      totalCalls: this.#total,
      extraAttempts: this.#extra,
      suppressed: this.#suppressed,
    });
  }

  /** The state at this moment: frozen, JSON-serialisable. */
  snapshot(): RetryBudgetSnapshot {
    return Object.freeze({
      kind: "retry-budget",
      name: this.name,
      available: Math.max(0, Math.floor(this.#available(this.#settings.clock.now()))),
      running: this.#running,
      extraRunning: this.#extraRunning,
      stats: this.stats,
    });
  }

  /** Adds a listener; disposing of the result removes it. What it throws becomes a warning and changes nothing. */
  on<Name extends keyof RetryBudgetEvents>(
    event: Name,
    listener: Listener<RetryBudgetEvents[Name]>,
  ): Disposable {
    return this.#events.on(event, listener);
  }

  #available(now: number): number {
    const { ratio, minPerSecond, window } = this.#settings;
    this.#sums.forget(now);
    return ratio * this.#sums.calls + (minPerSecond * window) / 1000 - this.#sums.extras;
  }
}
