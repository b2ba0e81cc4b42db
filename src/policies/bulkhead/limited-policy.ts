import { SyncBasePolicy, type Work } from "../../kernel/base-policy.js";
import type { Clock } from "../../kernel/clock.js";
import { type Context, contextFor } from "../../kernel/context.js";
import { disposable } from "../../kernel/disposable.js";
import { runAbortable } from "../../kernel/policy.js";
import { chain, isThenable } from "../../kernel/thenable.js";
import { BulkheadFullError } from "./errors.js";
import { Gate } from "./gate.js";
import type { BulkheadEvents, BulkheadStats } from "./report.js";

/** A policy that lets so many calls in at once, and knows when each of them has ended. */
export abstract class LimitedPolicy<Payloads extends BulkheadEvents> extends SyncBasePolicy<Payloads> {
  protected readonly gate: Gate;
  readonly #label: string;
  readonly #clock: Pick<Clock, "now" | "setTimer">;
  #total = 0;
  #rejected = 0;
  #queued = 0;

  constructor(
    kind: string,
    name: string,
    events: readonly (keyof Payloads & string)[],
    gate: Gate,
    clock: Pick<Clock, "now" | "setTimer">,
  ) {
    super(kind, name, events);
    this.gate = gate;
    this.#label = `${kind.replaceAll("-", " ")} "${name}"`;
    this.#clock = clock;
  }

  /** Calls under way. */
  get running(): number {
    return this.gate.running;
  }

  /** Calls that wait. */
  get queued(): number {
    return this.gate.queued;
  }

  get stats(): BulkheadStats {
    return Object.freeze({
      totalCalls: this.#total,
      rejectedCalls: this.#rejected,
      queuedCalls: this.#queued,
    });
  }

  /**
   * Takes one of the places, for code that cannot hand over a function. Dispose of it when the work has ended.
   *
   * @returns `undefined` when all are taken or others wait for one.
   */
  tryPermit(): Disposable | undefined {
    this.#total++;
    if (this.gate.tryEnter()) {
      const ended = this.entered();
      return disposable(() => ended("ignored"));
    }
    this.#rejected++;
    return undefined;
  }

  /** How long a call may wait, in milliseconds. */
  protected abstract get longestWait(): number;

  /**
   * A call is inside. What it returns is called once it has ended, and must let it out of the gate; `"ignored"`: how says
   * nothing, as it was given up.
   */
  protected abstract entered(): (ended: boolean | "ignored", value?: unknown) => void;

  protected override run<Result>(fn: Work<Result>, context: Context): Promise<Result> {
    this.#total++;
    const { source } = context;
    if (!this.gate.tryEnter()) return this.#waitAndRun(fn, context);
    return source === undefined
      ? this.#inside(fn, context)
      : runAbortable(() => this.#inside(fn, context), context);
  }

  protected override runSync<Result>(fn: (context: Context) => Result, context: Context): Result {
    this.#total++;
    if (!this.gate.tryEnter()) throw this.#full();
    const ended = this.entered();
    let value: Result;
    try {
      value = fn(context);
    } catch (error) {
      ended(false, error);
      throw error;
    }
    ended(true, value);
    return value;
  }

  /** The place is held until the work has settled, also when its caller has given it up: it still takes what is limited. */
  #inside<Result>(fn: Work<Result>, context: Context): Promise<Result> {
    const ended = this.entered();
    const { source } = context;
    const verdict = (isFulfilled: boolean): boolean | "ignored" =>
      source?.aborted ? "ignored" : isFulfilled;
    let result: Result | PromiseLike<Result>;
    try {
      result = fn(contextFor(fn, context));
      if (!isThenable(result)) {
        ended(verdict(true), result);
        return Promise.resolve(result);
      }
    } catch (error) {
      ended(verdict(false), error);
      return Promise.reject(error);
    }
    return chain(
      result,
      (value) => {
        ended(verdict(true), value);
        return value;
      },
      (error) => {
        ended(verdict(false), error);
        throw error;
      },
    );
  }

  async #waitAndRun<Result>(fn: Work<Result>, outer: Context): Promise<Result> {
    const context = outer.lasting(this.#clock);
    const { source, deadline, remaining } = context;
    if (this.gate.queued >= this.gate.maxQueue || remaining <= 0) throw this.#full();
    this.#queued++;
    // A timeout outside ends the wait itself: which of the two came first would be a matter of chance.
    const left = typeof deadline === "object" && deadline.isKept ? Infinity : remaining * 1000;
    const longest = Math.min(this.longestWait, left);
    const isInside = await this.gate.wait(this.#clock, longest, source);
    if (isInside) {
      // Given up in the moment in which its turn came.
      if (source?.aborted) this.entered()("ignored");
      else
        return await (source === undefined
          ? this.#inside(fn, context)
          : runAbortable(() => this.#inside(fn, context), context));
    }
    if (source?.aborted) throw source.reason;
    throw this.#full();
  }

  #full(): BulkheadFullError {
    this.#rejected++;
    const error = new BulkheadFullError(this.#label, this.running, this.queued);
    this.tellRejected(error);
    return error;
  }

  protected abstract tellRejected(error: BulkheadFullError): void;
}
