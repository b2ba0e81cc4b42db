import { throwIfAborted } from "../../kernel/abort.js";
import type { Work } from "../../kernel/base-policy.js";
import type { Clock } from "../../kernel/clock.js";
import type { Context } from "../../kernel/context.js";
import type { Events } from "../../kernel/events.js";
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

/** The events of a bulkhead or an adaptive limiter. */
export interface AdmissionEvents {
  /** A call was admitted after it had waited for `waited` seconds. */
  admitted: { readonly waited: number };
  /** A call was refused. */
  rejected: { readonly error: BulkheadFullError };
}

/** Totals over the lifetime of a bulkhead or an adaptive limiter. */
export interface AdmissionStats {
  /** All calls: running, finished, waiting, refused and given up. */
  readonly totalCalls: number;
  /** Calls that had to wait. */
  readonly queuedCalls: number;
  /** Calls that were refused. */
  readonly rejectedCalls: number;
}

/** Admits calls while there are permits; the others wait or are refused. */
export class Admission extends Permits {
  readonly #owner: string;
  readonly #events: Pick<Events<AdmissionEvents>, "emit">;
  readonly #admissions: { readonly isThere: boolean };
  #total = 0;
  #queuedCalls = 0;
  #rejectedCalls = 0;

  /** @param owner its name in messages. */
  constructor(owner: string, limit: number, events: Pick<Events<AdmissionEvents>, "emit" | "of">) {
    super(limit);
    this.#owner = owner;
    this.#events = events;
    this.#admissions = events.of("admitted");
  }

  get stats(): AdmissionStats {
    return Object.freeze({
      totalCalls: this.#total,
      queuedCalls: this.#queuedCalls,
      rejectedCalls: this.#rejectedCalls,
    });
  }

  /** Runs a function by `start` once there is a permit, which `start` has to release. */
  run<Result>(start: Start, fn: Work<Result>, outer: Context, limits: QueueLimits): Promise<Result> {
    const context = outer.lasting(limits.clock);
    return this.tryEnter() ? start(fn, context) : this.#runInTurn(start, fn, context, limits);
  }

  async #runInTurn<Result>(
    start: Start,
    fn: Work<Result>,
    context: Context,
    limits: QueueLimits,
  ): Promise<Result> {
    await this.#enter(context, limits);
    return start(fn, context);
  }

  /** Counts a call and takes a permit if there is one. */
  tryEnter(): boolean {
    this.#total++;
    const isTaken = this.tryTake();
    if (isTaken && this.#admissions.isThere) this.#tellAdmitted(0);
    return isTaken;
  }

  /** Waits for a permit; throws at once when the queue is full or no time is left to wait. */
  async #enter(context: Context, limits: QueueLimits): Promise<void> {
    const { maxQueue, queueTimeout = Infinity, clock } = limits;
    const { source, deadline, remaining } = context;
    if (this.queued >= maxQueue || remaining <= 0) throw this.full();
    this.#queuedCalls++;
    // An outer timeout ends the wait itself: otherwise it would be chance which of the two comes first.
    const left = typeof deadline === "object" && deadline.isKept ? Infinity : remaining * 1000;
    const timeout = Math.min(queueTimeout, left);
    const late = (): BulkheadFullError => this.full(`no permit within ${timeout / 1000} s`);
    const since = clock.now();
    await this.wait({ clock, timeout, source, late });
    try {
      // It may have been aborted since the permit was granted.
      throwIfAborted(source);
      if (this.#admissions.isThere) this.#tellAdmitted((clock.now() - since) / 1000);
    } catch (reason) {
      this.release();
      throw reason;
    }
  }

  /** Separate, so that what calls it stays small enough to be inlined. */
  #tellAdmitted(waited: number): void {
    try {
      this.#events.emit("admitted", { waited });
    } catch {
      // The stack is used up. The permit is taken, so the call has to go on.
    }
  }

  /** Counts a refusal. */
  full(
    why: string = `${this.running} running${this.queued > 0 ? `, ${this.queued} waiting` : ""}`,
  ): BulkheadFullError {
    this.#rejectedCalls++;
    const error = new BulkheadFullError(this.#owner, why);
    this.#events.emit("rejected", { error });
    return error;
  }
}
