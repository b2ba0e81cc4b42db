import { SyncBasePolicy, type Work } from "../../kernel/base-policy.js";
import { type Context, contextFor } from "../../kernel/context.js";
import { delay } from "../../kernel/delay.js";
import { parseDuration } from "../../kernel/duration.js";
import { answer } from "../../kernel/judge.js";
import { withLiveDeadline } from "../../kernel/live-deadline.js";
import { resolveOptions } from "../../kernel/options.js";
import type { Outcome } from "../../kernel/outcome.js";
import { runAbortable } from "../../kernel/policy.js";
import { unlike } from "../../kernel/show.js";
import { isThenable } from "../../kernel/thenable.js";
import { warn } from "../../kernel/warning.js";
import { backoff } from "./backoff.js";
import { askedDelay, discard, isOpenCircuit, isRetryable } from "./hint.js";
import { defaultBackoff, type RetryOptions, retryRules, type RetrySettings } from "./options.js";
import type { RetryEvents, RetrySnapshot, RetryStats } from "./report.js";
import type { RetryBudget } from "./retry-budget.js";

/** One call, from its first attempt to its last. */
interface Course {
  /** Of the first attempt. */
  readonly context: Context;
  /** When it began, by the clock; only where it has a longest duration. */
  readonly started: number;
  /** The budget that counts it, unless it was counted outside. */
  readonly countedBy: RetryBudget | undefined;
  attempt: number;
  /** Milliseconds of the last delay. */
  previous: number | undefined;
  /** The budget has allowed the attempt that is coming or under way. */
  isExtra: boolean;
  isOver: boolean;
}

const rejected = (reason: unknown): Outcome<never> => ({ status: "rejected", reason });

function fraction(drawn: unknown): number {
  if (typeof drawn === "number" && drawn >= 0 && drawn <= 1) return drawn;
  throw new RangeError(unlike("what random returns", "a number from 0 to 1", drawn));
}

function unwrap<Result>(outcome: Outcome<Result>): Result {
  if (outcome.status === "rejected") throw outcome.reason;
  return outcome.value;
}

/**
 * Calls a function again when it fails, up to `attempts` times in all, after a delay that grows and is drawn at random. What
 * the server asks for (`retryAfter` of an error, `Retry-After` of a `Response`) is a lower bound of the delay and never
 * cut: if it does not fit into the time that is left, the outcome is returned at once. The last outcome itself comes
 * out: the original error, or the value.
 *
 * Only a delay keeps the process alive.
 *
 * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range.
 * @example
 * ```ts
 * import { Retry } from "@kstlib/resilience";
 *
 * const retry = new Retry({ attempts: 3, delay: "10ms" });
 * const result = await retry.execute(({ attempt }) => {
 *   if (attempt < 3) throw new Error("not yet");
 *   return `attempt ${attempt}`;
 * });
 * console.assert(result === "attempt 3" && retry.stats.retries === 2);
 * ```
 */
export class Retry extends SyncBasePolicy<RetryEvents> {
  readonly #settings: RetrySettings;
  #total = 0;
  #running = 0;
  #settled = 0;
  #exhausted = 0;
  #suppressed = 0;
  #retries = 0;

  constructor(options?: RetryOptions) {
    const settings = resolveOptions("Retry", retryRules, options, "retry");
    super("retry", settings.name, ["retry", "exhausted", "suppressed"]);
    this.#settings = settings;
  }

  /** Names the policy in messages. */
  get #label(): string {
    return `retry "${this.name}"`;
  }

  /** How often the function is called at most. */
  get attempts(): number {
    return this.#settings.attempts;
  }

  /** Calls under way. */
  get running(): number {
    return this.#running;
  }

  get stats(): RetryStats {
    const ended = this.#settled + this.#exhausted + this.#suppressed;
    return Object.freeze({
      totalCalls: this.#total,
      settledCalls: this.#settled,
      exhaustedCalls: this.#exhausted,
      suppressed: this.#suppressed,
      abortedCalls: this.#total - ended - this.#running,
      retries: this.#retries,
    });
  }

  /** Everything that can be told of this moment: frozen, JSON-serialisable. */
  snapshot(): RetrySnapshot {
    const { name, attempts, running, stats } = this;
    return Object.freeze({ kind: "retry", name, attempts, running, stats });
  }

  protected override run<Result>(fn: Work<Result>, outer: Context): Promise<Result> {
    const course = this.#begin(outer);
    if (outer.source === undefined) return this.#first(fn, course);
    const release = (): void => this.#leave(course);
    const held = { returned: release, failure: release, release };
    return runAbortable(() => this.#first(fn, course), outer, held);
  }

  /** A function of its own without `async`: most calls need no second attempt, and pay for one promise. */
  #first<Result>(fn: Work<Result>, course: Course): Promise<Result> {
    let result: Result | PromiseLike<Result>;
    try {
      result = fn(contextFor(fn, course.context));
    } catch (error) {
      return this.#again(fn, course, rejected(error));
    }
    const failed = (reason: unknown): Promise<Result> => this.#again(fn, course, rejected(reason));
    if (this.#settings.retryIf !== undefined) {
      const returned = (value: Result): Promise<Result> =>
        this.#again(fn, course, { status: "fulfilled", value });
      return Promise.resolve(result).then(returned, failed);
    }
    const settled = (value: Result): Result => {
      this.#settled++;
      this.#leave(course);
      return value;
    };
    if (isThenable(result)) return Promise.resolve(result).then(settled, failed);
    return Promise.resolve(settled(result));
  }

  /** Goes on after an outcome until one is left as it is. */
  async #again<Result>(fn: Work<Result>, course: Course, first: Outcome<Result>): Promise<Result> {
    const { source } = course.context;
    let outcome = first;
    for (let wait = this.#next(course, outcome); wait !== undefined; wait = this.#next(course, outcome)) {
      discard(outcome);
      if (wait > 0) await delay(this.#settings.clock, wait, source);
      if (source?.aborted) throw source.reason;
      const context = this.#attempt(course);
      try {
        const value = await fn(contextFor(fn, context));
        outcome = { status: "fulfilled", value };
      } catch (error) {
        outcome = rejected(error);
      }
    }
    return unwrap(outcome);
  }

  protected override runSync<Result>(fn: (context: Context) => Result, outer: Context): Result {
    const course = this.#begin(outer);
    for (let context = course.context; ; context = this.#attempt(course)) {
      let outcome: Outcome<Result>;
      try {
        outcome = { status: "fulfilled", value: fn(context) };
      } catch (error) {
        outcome = rejected(error);
      }
      const wait = this.#next(course, outcome);
      if (wait === undefined) return unwrap(outcome);
      discard(outcome);
      if (wait > 0) this.#settings.clock.sleepSync(wait);
    }
  }

  #begin(given: Context): Course {
    const { budget, clock, maxDuration } = this.#settings;
    const outer = withLiveDeadline(given, clock);
    this.#total++;
    this.#running++;
    // The attempts inside one of another retry with the same budget are no calls of their own.
    const countedBy = outer.budget === budget ? undefined : budget;
    countedBy?.enter();
    const isFirst = outer.attempt === 1 && countedBy === undefined;
    return {
      context: isFirst ? outer : outer.ofAttempt(1, outer.deadline, budget ?? outer.budget),
      started: maxDuration === undefined ? 0 : clock.now(),
      countedBy,
      attempt: 1,
      previous: undefined,
      isExtra: false,
      isOver: false,
    };
  }

  /** Begins another attempt. */
  #attempt(course: Course): Context {
    course.attempt++;
    this.#retries++;
    return course.context.ofAttempt(course.attempt, course.context.deadline, course.context.budget);
  }

  /** After a call, or when its caller has given it up. */
  #leave(course: Course): void {
    if (course.isOver) return;
    course.isOver = true;
    this.#running--;
    course.countedBy?.leave();
    this.#leaveExtra(course);
  }

  #leaveExtra(course: Course): void {
    if (!course.isExtra) return;
    course.isExtra = false;
    this.#settings.budget?.leaveExtra();
  }

  /** Milliseconds until another attempt; `undefined` when there is none, and the call is over. */
  #next(course: Course, outcome: Outcome): number | undefined {
    this.#leaveExtra(course);
    const wait = course.isOver || course.context.source?.aborted ? undefined : this.#decide(course, outcome);
    if (wait === undefined) this.#leave(course);
    return wait;
  }

  #decide(course: Course, outcome: Outcome): number | undefined {
    if (!this.#isWorthIt(outcome)) {
      this.#settled++;
      return undefined;
    }
    const { attempts, budget, onOpen } = this.#settings;
    const { attempt } = course;
    const isStopped = onOpen === "stop" && isOpenCircuit(outcome);
    const asked = askedDelay(outcome);
    const wait = attempt >= attempts || isStopped ? Infinity : Math.max(asked, this.#delay(course, outcome));
    if (wait === Infinity || wait > this.#left(course)) {
      this.#exhausted++;
      this.events.emit("exhausted", { attempts: attempt, outcome });
      return undefined;
    }
    if (budget?.tryExtra() === false) {
      this.#suppressed++;
      this.events.emit("suppressed", { attempts: attempt, outcome });
      return undefined;
    }
    course.isExtra = budget !== undefined;
    course.previous = wait;
    this.events.emit("retry", { attempt, delay: wait / 1000, outcome });
    return wait;
  }

  #isWorthIt(outcome: Outcome): boolean {
    const { retryIf } = this.#settings;
    if (retryIf === undefined) return isRetryable(outcome);
    try {
      return answer(retryIf(outcome));
    } catch (error) {
      warn("KSTLIB_PREDICATE_FAILED", `retryIf of ${this.#label} failed; there is no other attempt`, error);
      return false;
    }
  }

  /** Milliseconds in which another attempt may begin. */
  #left({ context, started }: Course): number {
    const { maxDuration, clock } = this.#settings;
    const ofDuration = maxDuration === undefined ? Infinity : started + maxDuration - clock.now();
    return Math.min(ofDuration, context.remaining * 1000);
  }

  #delay({ attempt, previous }: Course, outcome: Outcome): number {
    const { delay: setting, random = Math.random } = this.#settings;
    try {
      if (typeof setting !== "function") return backoff(setting, attempt, previous, fraction(random()));
      const previousDelay = previous === undefined ? undefined : previous / 1000;
      return parseDuration(setting({ attempt, outcome, previousDelay }), "delay", { zero: true, long: true });
    } catch (error) {
      warn("KSTLIB_DELAY_FAILED", `delay or random of ${this.#label} failed; the default is taken`, error);
      return backoff(defaultBackoff, attempt, previous, Math.random());
    }
  }
}
