import { throwIfAborted } from "../../kernel/abort.js";
import type { Work } from "../../kernel/base-policy.js";
import type { Clock } from "../../kernel/clock.js";
import type { Context } from "../../kernel/context.js";
import { BulkheadFullError } from "./errors.js";
import { Permits } from "./permits.js";

/** How calls may wait. */
export interface QueueLimits {
  readonly clock: Pick<Clock, "now" | "setTimer">;
  readonly maxQueue: number;
  /** In milliseconds. */
  readonly queueTimeout?: number | undefined;
}

/** Runs a function that has a permit. */
type Start = <Result>(fn: Work<Result>, context: Context) => Promise<Result>;

/** Totals over the lifetime of a bulkhead or an adaptive limiter. */
export interface AdmissionStats {
  /** Calls that were made: those that run or have run, those that wait, that were refused or given up. */
  readonly totalCalls: number;
  /** Calls that had to wait. */
  readonly queuedCalls: number;
  /** Calls that were refused. */
  readonly rejectedCalls: number;
}

/** Lets calls in as long as there are permits, and the others wait or not. */
export class Admission extends Permits {
  readonly #owner: string;
  readonly #refused: (error: BulkheadFullError) => void;
  #total = 0;
  #queuedCalls = 0;
  #rejectedCalls = 0;

  /** @param owner as messages call it. */
  constructor(owner: string, limit: number, refused: (error: BulkheadFullError) => void) {
    super(limit);
    this.#owner = owner;
    this.#refused = refused;
  }

  get stats(): AdmissionStats {
    return Object.freeze({
      totalCalls: this.#total,
      queuedCalls: this.#queuedCalls,
      rejectedCalls: this.#rejectedCalls,
    });
  }

  /** Runs a function by `start` once there is a permit, which `start` has to release. */
  run<Result>(start: Start, fn: Work<Result>, context: Context, limits: QueueLimits): Promise<Result> {
    return this.tryEnter() ? start(fn, context) : this.#runInTurn(start, fn, context, limits);
  }

  async #runInTurn<Result>(
    start: Start,
    fn: Work<Result>,
    context: Context,
    limits: QueueLimits,
  ): Promise<Result> {
    return start(fn, await this.#enter(context, limits));
  }

  /** Counts a call and takes a permit if there is one. */
  tryEnter(): boolean {
    this.#total++;
    return this.tryTake();
  }

  /**
   * Waits for a permit; throws at once when there is no place, or when no time is left to wait.
   *
   * @returns the context as the wait has left it.
   */
  async #enter(outer: Context, limits: QueueLimits): Promise<Context> {
    const { maxQueue, queueTimeout = Infinity, clock } = limits;
    const context = outer.lasting(clock);
    const { source, deadline, remaining } = context;
    if (this.queued >= maxQueue || remaining <= 0) throw this.full();
    this.#queuedCalls++;
    // A timeout outside ends the wait itself: which of the two came first would be a matter of chance.
    const left = typeof deadline === "object" && deadline.isKept ? Infinity : remaining * 1000;
    const timeout = Math.min(queueTimeout, left);
    const late = (): BulkheadFullError => this.full(`no place within ${timeout / 1000} s`);
    await this.wait({ clock, timeout, source, late });
    try {
      // Between the grant and now.
      throwIfAborted(source);
    } catch (reason) {
      this.release();
      throw reason;
    }
    return context;
  }

  /** Counts a refusal. */
  full(
    why: string = `${this.running} calls are running${this.queued > 0 ? `, ${this.queued} wait` : ""}`,
  ): BulkheadFullError {
    this.#rejectedCalls++;
    const error = new BulkheadFullError(this.#owner, why);
    this.#refused(error);
    return error;
  }
}
