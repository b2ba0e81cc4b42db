import { BasePolicy, type Work } from "../../kernel/base-policy.js";
import type { Snapshot } from "../../kernel/component.js";
import { type Context, contextFor } from "../../kernel/context.js";
import { delay } from "../../kernel/delay.js";
import { answer } from "../../kernel/judge.js";
import { resolveOptions } from "../../kernel/options.js";
import { runAbortable } from "../../kernel/policy.js";
import { fraction } from "../../kernel/rules.js";
import { warn } from "../../kernel/warning.js";
import { type ChaosOptions, chaosRules, type ChaosSettings } from "./options.js";

/** Totals over the lifetime of a chaos policy. */
export interface ChaosStats {
  readonly totalCalls: number;
  /** Calls with an injected fault. */
  readonly faults: number;
}

/** The state of a chaos policy at one moment. */
export interface ChaosSnapshot extends Snapshot {
  readonly kind: "chaos";
  readonly rate: number;
  readonly stats: ChaosStats;
}

/** The events of a chaos policy and what their listeners get. */
export interface ChaosEvents {
  /** A fault is injected: the call is delayed, rejected, or resolved with a value. */
  fault: { readonly kind: "latency" | "error" | "value" };
}

/**
 * Injects faults, to test the policies around it: a share of the calls is delayed, rejects, or resolves with another value.
 * It does nothing unless it is `enabled`.
 *
 * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range.
 * @example
 * ```ts
 * import { Chaos, pipeline, Retry } from "@kstlib/resilience";
 *
 * const draws = [0.05, 0.9];
 * const chaos = new Chaos({ enabled: true, rate: 0.1, random: () => draws.shift() ?? 1 });
 * const tested = pipeline(new Retry({ delay: 0 }), chaos);
 * console.assert((await tested.call(() => "well")) === "well" && chaos.stats.faults === 1);
 * ```
 */
export class Chaos<Value = never> extends BasePolicy<ChaosEvents, Value> {
  readonly #settings: ChaosSettings;
  #total = 0;
  #faults = 0;

  constructor(options?: ChaosOptions<Value>) {
    const settings = resolveOptions("Chaos", chaosRules, options);
    super("chaos", settings.name, ["fault"]);
    this.#settings = settings;
  }

  get stats(): ChaosStats {
    return Object.freeze({ totalCalls: this.#total, faults: this.#faults });
  }

  /** The state at this moment: frozen, JSON-serialisable. */
  snapshot(): ChaosSnapshot {
    const { name, stats } = this;
    return Object.freeze({ kind: "chaos", name, rate: this.#settings.rate, stats });
  }

  protected override run<Result>(fn: Work<Result>, outer: Context): Promise<Result | Value> {
    this.#total++;
    const context = outer.lasting(this.#settings.clock);
    const run = async (): Promise<Result> => fn(contextFor(fn, context));
    const isFaulty = this.#isDrawn();
    if (isFaulty) this.#faults++;
    const work = (): Promise<Result | Value> => (isFaulty ? this.#faulty(run, context) : run());
    return context.source === undefined ? work() : runAbortable(work, context);
  }

  /** Whether to inject a fault; not when `enabled` or `random` throws. */
  #isDrawn(): boolean {
    const { enabled, rate, random = Math.random } = this.#settings;
    try {
      if (!(typeof enabled === "function" ? answer(enabled()) : enabled)) return false;
      return fraction(random()) < rate;
    } catch (error) {
      warn(
        "KSTLIB_PREDICATE_FAILED",
        `enabled or random of chaos "${this.name}" failed; no fault is injected`,
        error,
      );
      return false;
    }
  }

  async #faulty<Result>(run: () => Promise<Result>, { source }: Context): Promise<Result | Value> {
    const { latency, error, value, clock } = this.#settings;
    if (latency !== undefined) {
      this.events.emit("fault", { kind: "latency" });
      await delay(clock, latency, source);
      if (source?.aborted) throw source.reason;
    }
    if (value !== undefined) {
      this.events.emit("fault", { kind: "value" });
      return value as Value;
    }
    if (error === undefined && latency !== undefined) return await run();
    this.events.emit("fault", { kind: "error" });
    if (error === undefined) throw new Error(`fault injected by chaos "${this.name}"`);
    throw typeof error === "function" ? (Reflect.apply(error, undefined, []) as unknown) : error;
  }
}
