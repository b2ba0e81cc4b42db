import type { Clock } from "../../kernel/clock.js";
import {
  type Context,
  type ExecuteOptions,
  type ExecutionContext,
  readContext,
} from "../../kernel/context.js";
import type { Policy } from "../../kernel/policy.js";
import {
  AS_IS,
  type Continuation,
  DIRECT,
  follow,
  type Inside,
  type Start,
  tellStart,
} from "../../kernel/stage.js";
import { retryAfterSeconds } from "../../kernel/retry-after.js";
import type { RateLimiter } from "../../rate-limiter/rate-limiter.js";
import { parsePolicy, parseRateLimit } from "../fields.js";
import type { Sent } from "./allowance.js";
import { HttpStatusError } from "./errors.js";
import { Gate } from "./gate.js";
import { LONGEST } from "./told-quota.js";

/** What a server may ask for is in the status and the headers. */
export interface Answer {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly redirected?: boolean;
  readonly url?: string;
}

/** A rate limiter that also does what the server asks for, in the place of that limiter. */
export class Obedience implements Policy {
  readonly limiter: RateLimiter;
  readonly #gate: Gate;
  readonly #clock: Pick<Clock, "now">;
  readonly #isUnlimited: boolean;
  readonly #elsewhere: (url: string) => Obedience | undefined;

  /**
   * @param isUnlimited whether the limiter is there for its pauses only.
   * @param elsewhere finds who obeys the server of a URL.
   */
  constructor(
    limiter: RateLimiter,
    clock: Pick<Clock, "now" | "setTimer">,
    isUnlimited: boolean,
    elsewhere: (url: string) => Obedience | undefined,
  ) {
    this.limiter = limiter;
    this.#elsewhere = elsewhere;
    this.#isUnlimited = isUnlimited;
    tellStart(this, (inside, fn, context, next) => this.#start(inside, fn, context, next));
    this.#clock = clock;
    this.#gate = new Gate(clock);
  }

  get name(): string {
    return this.limiter.name;
  }

  get stats(): RateLimiter["stats"] {
    return this.limiter.stats;
  }

  snapshot(): ReturnType<RateLimiter["snapshot"]> {
    return this.limiter.snapshot();
  }

  /** How many calls wait for the quota that the server tells, and how many seconds until it lets one through. */
  get pace(): { readonly queued: number; readonly wait: number } {
    return this.#gate;
  }

  /** Whether nothing would be lost if it was forgotten. */
  get isIdle(): boolean {
    return this.#gate.isIdle;
  }

  execute<Result>(
    fn: (context: ExecutionContext) => Result | PromiseLike<Result>,
    options?: ExecuteOptions,
  ): Promise<Result> {
    return Promise.resolve(
      this.#start(DIRECT, fn, readContext("execute", options), AS_IS),
    ) as Promise<Result>;
  }

  #start(inside: Inside, fn: Parameters<Start>[1], context: Context, next: Continuation): unknown {
    // Nothing to wait for, as a rule.
    const sent = this.#isFree && !context.source?.aborted ? this.#gate.tryEnter() : undefined;
    if (sent !== undefined) {
      this.limiter.tryAcquire();
      return inside.start(fn, context, this.#hearing(sent, next));
    }
    const waiting = this.limiter.execute(async (...[inner]: [ExecutionContext]) => {
      const own = inner as Context;
      const turn = await this.#gate.enter(own.source);
      return inside.start(fn, own, this.#hearing(turn, AS_IS));
    }, context);
    return follow(waiting, next);
  }

  /** Whether the limiter lets everything through. */
  get #isFree(): boolean {
    const { pausedUntil } = this.#gate.allowance;
    // As a rule there was no pause, and the time need not be read.
    return this.#isUnlimited && (pausedUntil === -Infinity || this.#clock.now() >= pausedUntil);
  }

  /** Goes on after the answer to a request. */
  #hearing(sent: Sent, next: Continuation): Continuation {
    const answered = (answer: unknown): void => {
      const isAnswered = typeof answer === "object" && answer !== null;
      try {
        if (isAnswered) this.#hear(sent, answer as Answer);
      } finally {
        const { allowance } = this.#gate;
        allowance.answer(isAnswered, allowance.quotas === 0 ? 0 : this.#clock.now());
        if (this.#gate.queued > 0) this.#gate.serve();
      }
    };
    return {
      fulfilled(value) {
        answered(value);
        return next.fulfilled(value);
      },
      rejected(reason) {
        answered(reason instanceof HttpStatusError ? reason.response : undefined);
        return next.rejected(reason);
      },
    };
  }

  /** Does what an answer asks for. */
  #hear(sent: Sent, answer: Answer): void {
    const { status, headers } = answer;
    // Of a `fetch` of the application.
    if (typeof (headers as Answer["headers"] | undefined)?.get !== "function") return;
    const field = headers.get("ratelimit");
    const isPutOff = status === 429 || status === 503;
    if (field === null && !isPutOff) return;
    // After a redirection another may have answered.
    const asking = answer.redirected === true ? this.#elsewhere(answer.url ?? "") : this;
    if (asking === undefined) return;
    const asked = isPutOff ? retryAfterSeconds(answer) : undefined;
    // One out of a cache tells what was left at another time.
    const items = field === null || headers.get("age") !== null ? [] : parseRateLimit(field);
    if (items.length > 0 && asking === this) {
      const policies = parsePolicy(headers.get("ratelimit-policy"));
      this.#gate.allowance.hear(sent, items, policies, this.#clock.now());
    }
    const spent = items.flatMap(({ remaining, seconds = 0 }) => (remaining === 0 ? [seconds] : []));
    // Of the two, Retry-After counts.
    asking.pause(asked ?? Math.max(0, ...spent));
  }

  /** Lets no call through for so many seconds. */
  pause(seconds: number): void {
    if (seconds <= 0) return;
    const length = Math.min(seconds * 1000, LONGEST);
    // Of those, too, whom the limiter has let through, and who wait at the gate.
    const { allowance } = this.#gate;
    allowance.pausedUntil = Math.max(allowance.pausedUntil, this.#clock.now() + length);
    this.limiter.pauseFor(length / 1000);
  }
}
