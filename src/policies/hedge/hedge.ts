import type { Actor } from "../../kernel/actor.js";
import { BasePolicy, type Work } from "../../kernel/base-policy.js";
import type { Context } from "../../kernel/context.js";
import { holds } from "../../kernel/judge.js";
import { tellMade } from "../../kernel/configured.js";
import { changeSettings, resolveOptions } from "../../kernel/options.js";
import type { Outcome } from "../../kernel/outcome.js";
import { budgetOf } from "../retry/budget-option.js";
import { isRefused, isRetryable } from "../retry/hint.js";
import type { RetryBudget } from "../retry/retry-budget.js";
import { Latencies } from "./latencies.js";
import {
  type HedgeOptions,
  hedgeRules,
  type HedgeSettings,
  liveRules,
  type HedgeChanges,
} from "./options.js";
import { Race, type RaceRules } from "./race.js";
import type { HedgeEvents, HedgeSnapshot, HedgeStats } from "./report.js";

/**
 * A call is hedged when it takes this multiple of the percentile. Where times are whole milliseconds, many calls take
 * exactly the same time: at the percentile itself a fifth of them, or all, would be hedged. And an estimate from 200 calls
 * is too low as often as too high, so without the margin half of the services would get more than 5 % of extra calls.
 */
const MARGIN = 1.05;

/**
 * Starts another attempt beside one that is slow, and takes the first success: the slowest calls become as fast as the
 * others, at the price of a few extra calls. Only for calls that may safely be made twice. The attempts that lose are
 * aborted at once and not waited for; the body of a `Response` that the caller does not get is cancelled. When all fail, the first attempt's error is thrown, with an `AggregateError` of the
 * others as its `cause`.
 *
 * While a call is under way, its timer keeps the process alive. A synchronous function cannot run beside another, so
 * there is no `executeSync`.
 *
 * Source: J. Dean and L. A. Barroso, "The Tail at Scale", 2013; the handling of failures is gRPC's (gRFC A6).
 *
 * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range.
 * @example
 * ```ts
 * import { Hedge } from "@kstlib/resilience";
 *
 * const hedge = new Hedge({ delay: "10ms" });
 * const answer = await hedge.execute(({ attempt, signal }) =>
 *   attempt === 1
 *     ? new Promise<string>((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
 *     : "from the second attempt",
 * );
 * console.assert(answer === "from the second attempt" && hedge.stats.wonByHedge === 1);
 * ```
 */
export class Hedge extends BasePolicy<HedgeEvents> {
  #settings: HedgeSettings;
  readonly #budget: RetryBudget | undefined;
  readonly #latencies = new Latencies();
  #total = 0;
  #hedges = 0;
  #won = 0;
  #suppressed = 0;
  #running = 0;

  constructor(options?: HedgeOptions) {
    const settings = resolveOptions("Hedge", hedgeRules, options, "hedge");
    super("hedge", settings.name, ["hedge", "won", "suppressed"]);
    this.#settings = settings;
    this.#budget = budgetOf(settings.budget);
    tellMade(this, "hedge", options);
  }

  /** Seconds after which another attempt starts, as of now. */
  get delay(): number {
    return this.#delay() / 1000;
  }

  /** @internal */
  get actsAs(): readonly Actor[] {
    return [{ kind: "hedge", name: this.name, seconds: this.#settings.delay.min / 1000 }];
  }

  /** Calls under way. */
  get running(): number {
    return this.#running;
  }

  get stats(): HedgeStats {
    return Object.freeze({
      totalCalls: this.#total,
      hedges: this.#hedges,
      wonByHedge: this.#won,
      suppressed: this.#suppressed,
    });
  }

  /** Changes options, for calls that begin from now on. */
  update(changes: HedgeChanges): void {
    this.#settings = changeSettings(liveRules, this.#settings, changes);
  }

  /** The state at this moment: frozen, JSON-serialisable. */
  snapshot(): HedgeSnapshot {
    const { name, delay, running, stats } = this;
    return Object.freeze({ kind: "hedge", name, delay, running, stats });
  }

  protected override run<Result>(fn: Work<Result>, outer: Context): Promise<Result> {
    const budget = this.#budget;
    const { clock } = this.#settings;
    this.#total++;
    this.#running++;
    // Inside a retry or hedge with the same budget, the call is already counted.
    const countedBy = outer.budget === budget ? undefined : budget;
    countedBy?.enter();
    const context = outer.ofAttempt(1, outer.lasting(clock).deadline, budget ?? outer.budget);
    return new Promise((resolve, reject) => {
      const rules = this.#rules(context, () => countedBy?.leave());
      const settle = (outcome: Outcome<Result>): void => {
        if (outcome.status === "fulfilled") resolve(outcome.value);
        else reject(outcome.reason);
      };
      new Race(fn, rules, settle).begin();
    });
  }

  #rules(context: Context, ended: () => void): RaceRules {
    const budget = this.#budget;
    const { clock, maxHedges } = this.#settings;
    const started = clock.now();
    return {
      clock,
      context,
      delay: this.#delay(),
      attempts: maxHedges + 1,
      mayStart: (attempt, outcome) => this.#mayStart(attempt, outcome),
      isNonFatal: (outcome) => this.#isNonFatal(outcome),
      left: (attempt) => {
        if (attempt > 1) budget?.leaveExtra();
      },
      over: (winner) => {
        this.#running--;
        const byHedge = winner !== undefined && winner > 1;
        if (byHedge) this.#won++;
        // For a first attempt that has lost, the time until then: without the slow ones the delay would fall, and ever
        // more calls would be hedged.
        if (winner !== undefined) this.#latencies.add(clock.now() - started);
        ended();
        if (byHedge) this.events.emit("won", { attempt: winner });
      },
    };
  }

  #delay(): number {
    const { percentile, min, max } = this.#settings.delay;
    const learned = percentile === undefined ? undefined : this.#latencies.percentile(percentile);
    return Math.min(max, Math.max(min, learned === undefined ? max : learned * MARGIN));
  }

  #mayStart(attempt: number, outcome: Outcome | undefined): boolean {
    if (this.#budget?.tryExtra() === false) {
      this.#suppressed++;
      this.events.emit("suppressed", { attempts: attempt - 1 });
      return false;
    }
    this.#hedges++;
    this.events.emit("hedge", { attempt, outcome });
    return true;
  }

  #isNonFatal(outcome: Outcome): boolean {
    // A refusal does not end attempts under way.
    if (isRefused(outcome)) return true;
    const { hedgeIf = isRetryable } = this.#settings;
    return holds(hedgeIf, outcome, `hedgeIf of hedge "${this.name}" failed; the outcome ends the call`);
  }
}
