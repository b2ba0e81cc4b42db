import { SyncBasePolicy, type Work } from "../../kernel/base-policy.js";
import type { Snapshot } from "../../kernel/component.js";
import { tellMade } from "../../kernel/configured.js";
import { type Context, contextFor } from "../../kernel/context.js";
import { disposable } from "../../kernel/disposable.js";
import { changeSettings, resolveOptions } from "../../kernel/options.js";
import { runAbortable, type Settling } from "../../kernel/policy.js";
import { Admission, type AdmissionEvents, type AdmissionStats } from "./admission.js";
import {
  type BulkheadChanges,
  type BulkheadOptions,
  bulkheadRules,
  type BulkheadSettings,
  liveRules,
} from "./options.js";

/** Totals over the lifetime of a bulkhead. */
export type BulkheadStats = AdmissionStats;

/** The state of a bulkhead at one moment. */
export interface BulkheadSnapshot extends Snapshot {
  readonly kind: "bulkhead";
  readonly maxConcurrent: number;
  readonly maxQueue: number;
  /** Calls under way and permits held. */
  readonly running: number;
  /** Calls that wait. */
  readonly queued: number;
  readonly stats: BulkheadStats;
}

/** The events of a bulkhead and what their listeners get. */
export interface BulkheadEvents extends AdmissionEvents {}

/**
 * Limits how many calls run at once; the others wait in the order of their arrival, or are refused with a
 * {@link BulkheadFullError}. A call that its caller gives up keeps its permit until the work has settled, because it is
 * the work that is limited. A synchronous call never waits.
 *
 * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range.
 * @example
 * ```ts
 * import { Bulkhead, BulkheadFullError } from "@kstlib/resilience";
 *
 * const bulkhead = new Bulkhead({ maxConcurrent: 1, maxQueue: 1 });
 * const one = bulkhead.execute(async () => "one");
 * const two = bulkhead.execute(async () => "two");
 * const three: unknown = await bulkhead.execute(async () => "three").catch((reason: unknown) => reason);
 * console.assert(three instanceof BulkheadFullError);
 * console.assert((await Promise.all([one, two])).join() === "one,two" && bulkhead.running === 0);
 * ```
 */
export class Bulkhead extends SyncBasePolicy<BulkheadEvents> {
  #settings: BulkheadSettings;
  readonly #admission: Admission;
  readonly #held: Settling;
  readonly #start = <Result>(fn: Work<Result>, context: Context): Promise<Result> =>
    context.source === undefined ? this.#hold(fn, context) : runAbortable(fn, context, this.#held);

  constructor(options?: BulkheadOptions) {
    const settings = resolveOptions("Bulkhead", bulkheadRules, options, "bulkhead");
    super("bulkhead", settings.name, ["admitted", "rejected"]);
    this.#settings = settings;
    const admission = new Admission(`bulkhead "${settings.name}"`, settings.maxConcurrent, this.events);
    this.#admission = admission;
    const settled = (): void => admission.release();
    // An abort gives back no permit: the work goes on.
    this.#held = { returned: settled, failure: settled, release() {} };
    tellMade(this, "bulkhead", options);
  }

  /** How many calls run at once. */
  get maxConcurrent(): number {
    return this.#settings.maxConcurrent;
  }

  /** How many calls may wait. */
  get maxQueue(): number {
    return this.#settings.maxQueue;
  }

  /** Calls under way and permits held. */
  get running(): number {
    return this.#admission.running;
  }

  /** Calls that wait. */
  get queued(): number {
    return this.#admission.queued;
  }

  get stats(): BulkheadStats {
    return this.#admission.stats;
  }

  /** The state at this moment: frozen, JSON-serialisable. */
  snapshot(): BulkheadSnapshot {
    const { name, maxConcurrent, maxQueue, running, queued, stats } = this;
    return Object.freeze({ kind: "bulkhead", name, maxConcurrent, maxQueue, running, queued, stats });
  }

  /** Takes a permit, which disposing gives back; `undefined` when there is none. Never waits. */
  tryPermit(): Disposable | undefined {
    if (!this.#admission.tryTake()) return undefined;
    return disposable(() => this.#admission.release());
  }

  /**
   * Changes limits. Calls that already run or wait stay, even if they are more than the new limits allow.
   *
   * @throws TypeError or RangeError that names the option; nothing is changed then.
   */
  update(changes: BulkheadChanges): void {
    this.#settings = changeSettings(liveRules, this.#settings, changes);
    this.#admission.limit = this.#settings.maxConcurrent;
  }

  protected override run<Result>(fn: Work<Result>, context: Context): Promise<Result> {
    return this.#admission.run(this.#start, fn, context, this.#settings);
  }

  protected override runSync<Result>(fn: (context: Context) => Result, context: Context): Result {
    if (!this.#admission.tryEnter()) throw this.#admission.full();
    try {
      return fn(context);
    } finally {
      this.#admission.release();
    }
  }

  async #hold<Result>(fn: Work<Result>, context: Context): Promise<Result> {
    try {
      return await fn(contextFor(fn, context));
    } finally {
      this.#admission.release();
    }
  }
}
