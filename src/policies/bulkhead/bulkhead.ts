import { tellMade } from "../../kernel/configured.js";
import { changeSettings, resolveOptions } from "../../kernel/options.js";
import type { BulkheadFullError } from "./errors.js";
import { Gate } from "./gate.js";
import { LimitedPolicy } from "./limited-policy.js";
import {
  type BulkheadChanges,
  type BulkheadOptions,
  bulkheadRules,
  type BulkheadSettings,
  liveRules,
} from "./options.js";
import type { BulkheadEvents, BulkheadSnapshot } from "./report.js";

/**
 * Lets so many calls run at once; others wait in the order they came, or are refused at once with a
 * {@link BulkheadFullError}. A call holds its place until its work has settled, also when its caller has given it up.
 *
 * Only a wait with a time limit keeps the process alive.
 *
 * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range.
 * @example
 * ```ts
 * import { Bulkhead, BulkheadFullError } from "@kstlib/resilience";
 *
 * const bulkhead = new Bulkhead({ maxConcurrent: 2, maxQueue: 1 });
 * const work = () => new Promise<string>((resolve) => setTimeout(() => resolve("done"), 10));
 * const calls = [1, 2, 3, 4].map(() => bulkhead.call(work).catch((error: unknown) => error));
 * console.assert(bulkhead.running === 2 && bulkhead.queued === 1);
 * console.assert((await calls[3]) instanceof BulkheadFullError);
 * console.assert((await calls[2]) === "done");
 * ```
 */
export class Bulkhead extends LimitedPolicy<BulkheadEvents> {
  #settings: BulkheadSettings;

  constructor(options?: BulkheadOptions) {
    const settings = resolveOptions("Bulkhead", bulkheadRules, options, "bulkhead");
    const gate = new Gate(settings.maxConcurrent, settings.maxQueue);
    super("bulkhead", settings.name, ["rejected"], gate, settings.clock);
    this.#settings = settings;
    tellMade(this, "bulkhead", options);
  }

  /** How many calls may be under way at once. */
  get maxConcurrent(): number {
    return this.gate.max;
  }

  /** How many calls may wait. */
  get maxQueue(): number {
    return this.gate.maxQueue;
  }

  /** Everything that can be told of this moment: frozen, JSON-serialisable. */
  snapshot(): BulkheadSnapshot {
    const { name, maxConcurrent, maxQueue, running, queued, stats } = this;
    return Object.freeze({ kind: "bulkhead", name, maxConcurrent, maxQueue, running, queued, stats });
  }

  /**
   * Changes the limits. Calls under way go on; those that wait keep their places, also above a smaller `maxQueue`, and
   * come in at once when there is room.
   *
   * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range.
   */
  update(changes: BulkheadChanges): void {
    this.#settings = changeSettings(liveRules, this.#settings, changes);
    this.gate.max = this.#settings.maxConcurrent;
    this.gate.maxQueue = this.#settings.maxQueue;
    this.gate.serve();
  }

  protected override get longestWait(): number {
    return this.#settings.queueTimeout ?? Infinity;
  }

  readonly #leave = (): void => this.gate.leave();

  protected override entered(): () => void {
    return this.#leave;
  }

  protected override tellRejected(error: BulkheadFullError): void {
    this.events.emit("rejected", { error });
  }
}
