import { SyncBasePolicy, type Work } from "../../kernel/base-policy.js";
import { addCause } from "../../kernel/add-cause.js";
import { keyOfCall } from "../../kernel/call-key.js";
import type { Snapshot } from "../../kernel/component.js";
import { type Context, contextFor, exposed } from "../../kernel/context.js";
import { holds } from "../../kernel/judge.js";
import { tellMade } from "../../kernel/configured.js";
import { resolveOptions } from "../../kernel/options.js";
import { type Outcome, outcomeOf, rejected, unwrap } from "../../kernel/outcome.js";
import { runAbortable } from "../../kernel/policy.js";
import { synchronous } from "../../kernel/synchronous.js";
import { warn } from "../../kernel/warning.js";
import { LastGood } from "./last-good.js";
import { checkFallback, type FallbackOptions, fallbackRules, type FallbackSettings } from "./options.js";

/** Totals over the lifetime of a fallback. */
export interface FallbackStats {
  readonly totalCalls: number;
  /** Calls whose outcome was replaced: the sum of the two below. */
  readonly fallbacks: number;
  /** Those that got the last good result. */
  readonly fromLastGood: number;
  /** Those that got `to`, or what it threw. */
  readonly fromValue: number;
}

/** The state of a fallback at one moment. */
export interface FallbackSnapshot extends Snapshot {
  readonly kind: "fallback";
  /** How many last good results are kept. */
  readonly kept: number;
  readonly stats: FallbackStats;
}

/** The events of a fallback and what their listeners get. */
export interface FallbackEvents {
  /** An outcome was replaced. */
  fallback: { readonly outcome: Outcome; readonly source: "last-good" | "value" };
}

/**
 * Answers in place of a call that fails: with the last good result if it is not too old, else with a value or what a
 * function returns.
 *
 * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range.
 * @example
 * ```ts
 * import { Fallback } from "@kstlib/resilience";
 *
 * const cached = new Fallback({ to: "no price", lastGood: { maxAge: "1m", key: (pair: string) => pair } });
 * let isUp = true;
 * const price = cached.wrap(async (pair: string) => {
 *   if (!isUp) throw new Error("down");
 *   return `${pair}: 1`;
 * });
 * await price("BTC/USDT");
 * isUp = false;
 * console.assert((await price("BTC/USDT")) === "BTC/USDT: 1");
 * console.assert((await price("ETH/USDT")) === "no price");
 * ```
 */
export class Fallback<Value = never> extends SyncBasePolicy<FallbackEvents, Value> {
  readonly #settings: FallbackSettings;
  readonly #lastGood: LastGood | undefined;
  #total = 0;
  #fromLastGood = 0;
  #fromValue = 0;

  constructor(options?: FallbackOptions<Value>) {
    const settings = resolveOptions("Fallback", fallbackRules, options, "fallback");
    checkFallback(settings);
    super("fallback", settings.name, ["fallback"]);
    this.#settings = settings;
    const { lastGood } = settings;
    this.#lastGood = lastGood && new LastGood(lastGood.maxKeys, lastGood.maxAge);
    tellMade(this, "fallback", options);
  }

  /** @internal What it answers with: what all calls may share. */
  get shared(): Pick<FallbackSettings, "to" | "lastGood"> {
    return this.#settings;
  }

  get stats(): FallbackStats {
    return Object.freeze({
      totalCalls: this.#total,
      fallbacks: this.#fromLastGood + this.#fromValue,
      fromLastGood: this.#fromLastGood,
      fromValue: this.#fromValue,
    });
  }

  /** The state at this moment: frozen, JSON-serialisable. */
  snapshot(): FallbackSnapshot {
    const { name, stats } = this;
    return Object.freeze({ kind: "fallback", name, kept: this.#lastGood?.size ?? 0, stats });
  }

  protected override run<Result>(fn: Work<Result>, outer: Context): Promise<Result | Value> {
    this.#total++;
    const context = outer.lasting(this.#settings.clock);
    const attempt = (): Promise<Result | Value> => this.#attempt(fn, context);
    return context.source === undefined ? attempt() : runAbortable(attempt, context);
  }

  async #attempt<Result>(fn: Work<Result>, context: Context): Promise<Result | Value> {
    let outcome: Outcome<Result>;
    try {
      outcome = { status: "fulfilled", value: await fn(contextFor(fn, context)) };
    } catch (reason) {
      outcome = rejected(reason);
    }
    const instead = this.#instead(outcome, context);
    if (instead === undefined) return unwrap(outcome);
    try {
      return await instead();
    } catch (error) {
      if (outcome.status === "rejected") addCause(error, outcome.reason);
      throw error;
    }
  }

  protected override runSync<Result>(fn: (context: Context) => Result, outer: Context): Result | Value {
    this.#total++;
    const context = outer.lasting(this.#settings.clock);
    const outcome = outcomeOf(fn, context);
    const instead = this.#instead(outcome, context);
    if (instead === undefined) return unwrap(outcome);
    try {
      return synchronous(instead(), "Use execute for it.");
    } catch (error) {
      if (outcome.status === "rejected") addCause(error, outcome.reason);
      throw error;
    }
  }

  /** Keeps a good result for later, unless the call was aborted. */
  #keep(outcome: Outcome, context: Context): void {
    if (this.#lastGood === undefined || outcome.status === "rejected" || context.source?.aborted) return;
    const key = this.#key(context);
    if (key !== undefined) this.#lastGood.set(key, outcome.value, this.#settings.clock.now());
  }

  /** Returns a function that makes the replacement of the outcome; `undefined` when there is none. */
  #instead(outcome: Outcome, context: Context): (() => Value | PromiseLike<Value>) | undefined {
    if (!this.#isHandled(outcome, context)) {
      this.#keep(outcome, context);
      return undefined;
    }
    const key = this.#lastGood && this.#key(context);
    const last = key === undefined ? undefined : this.#lastGood?.get(key, this.#settings.clock.now());
    const { to } = this.#settings;
    if (last === undefined && to === undefined) return undefined;
    const source = last === undefined ? "value" : "last-good";
    if (source === "value") this.#fromValue++;
    else this.#fromLastGood++;
    this.events.emit("fallback", { outcome, source });
    // A function is called, as the type of the option says.
    if (last !== undefined) return () => last[0] as Value;
    if (typeof to === "function")
      return () => Reflect.apply(to, undefined, [outcome, exposed(context), ...context.args]) as Value;
    return () => to as Value;
  }

  #isHandled(outcome: Outcome, context: Context): boolean {
    if (context.source?.aborted) return false;
    const { handleIf } = this.#settings;
    if (handleIf === undefined) return outcome.status === "rejected";
    return holds(
      handleIf,
      outcome,
      `handleIf of fallback "${this.name}" failed; the outcome is not replaced`,
    );
  }

  #key({ args }: Context): string | undefined {
    try {
      return keyOfCall(args, this.#settings.lastGood?.key);
    } catch (error) {
      warn(
        "KSTLIB_KEY_FAILED",
        `fallback "${this.name}" found no key for a call; it has no last good result`,
        error,
      );
      return undefined;
    }
  }
}
