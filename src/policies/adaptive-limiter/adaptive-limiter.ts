import { BasePolicy, type Work } from "../../kernel/base-policy.js";
import type { Clock } from "../../kernel/clock.js";
import type { Snapshot } from "../../kernel/component.js";
import { tellMade } from "../../kernel/configured.js";
import type { Context } from "../../kernel/context.js";
import { holds, isNeutralTimeout, isTimeout } from "../../kernel/judge.js";
import { changeSettings, resolveOptions } from "../../kernel/options.js";
import type { Outcome } from "../../kernel/outcome.js";
import { runAbortable } from "../../kernel/policy.js";
import { isRefusal } from "../../kernel/refusal.js";
import { Admission, type AdmissionEvents, type AdmissionStats } from "../bulkhead/admission.js";
import { Estimate } from "./estimate.js";
import { Freezes } from "./freezes.js";
import {
  type AdaptiveLimiterChanges,
  type AdaptiveLimiterOptions,
  adaptiveLimiterRules,
  type AdaptiveLimiterSettings,
  checkBounds,
  liveRules,
} from "./options.js";

/** Totals over the lifetime of an adaptive limiter. */
export interface AdaptiveLimiterStats extends AdmissionStats {
  /** Calls whose outcome showed that the service was overloaded. */
  readonly droppedCalls: number;
}

/** The state of an adaptive limiter at one moment. */
export interface AdaptiveLimiterSnapshot extends Snapshot {
  readonly kind: "adaptive-limiter";
  /** How many calls run at once, as of now. */
  readonly limit: number;
  /** Seconds that a call takes without a queue at the service; `undefined` until it is known. */
  readonly minRtt: number | undefined;
  /** Calls under way. */
  readonly running: number;
  /** Calls that wait. */
  readonly queued: number;
  readonly stats: AdaptiveLimiterStats;
}

/** The events of an adaptive limiter and what their listeners get. */
export interface AdaptiveLimiterEvents extends AdmissionEvents {
  /** The limit has changed. */
  limit: { readonly limit: number; readonly previous: number };
}

/**
 * A bulkhead that finds out how many calls the service can handle at once: its limit follows how long they take and how
 * many are dropped. It evaluates windows of at least 1 s and 10 calls. Failed calls, refusals and aborts are ignored, as
 * is a call during which this thread was blocked for 30 ms or longer.
 *
 * The latency without a queue is measured in the second window and then every 60 windows. For that the limit is halved, so
 * it is lower for a few windows. The timer that ticks while calls are under way does not keep the process alive.
 *
 * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range.
 * @example
 * ```ts
 * import { AdaptiveLimiter } from "@kstlib/resilience";
 *
 * const limiter = new AdaptiveLimiter({ initial: 10, max: 100 });
 * const answer = await limiter.execute(async () => "answer");
 * console.assert(answer === "answer" && limiter.limit === 10 && limiter.running === 0);
 * ```
 */
export class AdaptiveLimiter extends BasePolicy<AdaptiveLimiterEvents> {
  #settings: AdaptiveLimiterSettings;
  readonly #clock: Pick<Clock, "now" | "setTimer">;
  readonly #estimate: Estimate;
  readonly #admission: Admission;
  readonly #freezes: Freezes;
  #dropped = 0;

  constructor(options?: AdaptiveLimiterOptions) {
    const settings = resolveOptions("AdaptiveLimiter", adaptiveLimiterRules, options, "adaptiveLimiter");
    checkBounds(settings);
    super("adaptive-limiter", settings.name, ["limit", "admitted", "rejected"]);
    this.#settings = settings;
    this.#clock = settings.clock;
    this.#estimate = new Estimate(settings.initial, settings);
    const owner = `adaptive limiter "${settings.name}"`;
    const admission = new Admission(owner, this.#estimate.limit, this.events);
    this.#admission = admission;
    this.#freezes = new Freezes(settings.clock, () => admission.running > 0);
    tellMade(this, "adaptive-limiter", options);
  }

  /** How many calls run at once, as of now. */
  get limit(): number {
    return this.#estimate.limit;
  }

  /** Calls under way. */
  get running(): number {
    return this.#admission.running;
  }

  /** Calls that wait. */
  get queued(): number {
    return this.#admission.queued;
  }

  get stats(): AdaptiveLimiterStats {
    return Object.freeze({ ...this.#admission.stats, droppedCalls: this.#dropped });
  }

  /** The state at this moment: frozen, JSON-serialisable. */
  snapshot(): AdaptiveLimiterSnapshot {
    const { name, limit, running, queued, stats } = this;
    const { minRtt } = this.#estimate;
    return Object.freeze({
      kind: "adaptive-limiter",
      name,
      limit,
      minRtt: minRtt === undefined ? undefined : minRtt / 1000,
      running,
      queued,
      stats,
    });
  }

  /**
   * Changes options. The limit is brought within the new bounds at once and keeps what it was learnt from; calls that run or
   * wait already stay.
   *
   * @throws TypeError or RangeError that names the option; then nothing has changed.
   */
  update(changes: AdaptiveLimiterChanges): void {
    const settings = changeSettings(liveRules, this.#settings, changes);
    checkBounds(settings);
    this.#settings = settings;
    const previous = this.limit;
    this.#estimate.bound(settings, this.#clock.now());
    this.#follow(previous);
  }

  protected override run<Result>(fn: Work<Result>, context: Context): Promise<Result> {
    return this.#admission.run(this.#start, fn, context, this.#settings);
  }

  readonly #start = <Result>(fn: Work<Result>, context: Context): Promise<Result> => {
    const began = this.#clock.now();
    const { running } = this.#admission;
    this.#freezes.watch(began);
    let isAborted = false;
    const ended = (outcome: Outcome): void => {
      if (!isAborted) this.#learn(outcome, began, running);
      this.#admission.release();
    };
    return runAbortable(fn, context, {
      returned: (value) => ended({ status: "fulfilled", value }),
      failure: (reason) => ended({ status: "rejected", reason }),
      // The work goes on and keeps its permit.
      release() {
        isAborted = true;
      },
    });
  };

  #learn(outcome: Outcome, began: number, inFlight: number): void {
    const now = this.#clock.now();
    if (this.#freezes.between(began, now) || (outcome.status === "rejected" && isRefusal(outcome.reason)))
      return;
    const isDropped = this.#isDropped(outcome);
    if (isDropped) this.#dropped++;
    else if (outcome.status === "rejected") return;
    const previous = this.limit;
    this.#estimate.ended(now, now - began, inFlight, isDropped);
    this.#follow(previous);
  }

  #follow(previous: number): void {
    const { limit } = this;
    if (limit === previous) return;
    this.#admission.limit = limit;
    this.events.emit("limit", { limit, previous });
  }

  #isDropped(outcome: Outcome): boolean {
    const { dropIf } = this.#settings;
    if (dropIf === undefined)
      return outcome.status === "rejected" && isTimeout(outcome.reason) && !isNeutralTimeout(outcome.reason);
    return holds(
      dropIf,
      outcome,
      `dropIf of adaptive limiter "${this.name}" failed; the call counts as not dropped`,
    );
  }
}
