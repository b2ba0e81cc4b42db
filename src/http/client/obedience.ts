import type { Clock } from "../../kernel/clock.js";
import type { Context, ExecuteOptions, ExecutionContext } from "../../kernel/context.js";
import type { Policy } from "../../kernel/policy.js";
import { retryAfterSeconds } from "../../kernel/retry-after.js";
import type { RateLimiter } from "../../rate-limiter/rate-limiter.js";
import { parsePolicy, parseRateLimit } from "../fields.js";
import { LONGEST, type Sent } from "./allowance.js";
import { HttpStatusError } from "./errors.js";
import { Gate } from "./gate.js";

/** What a server may ask for is in the status and the headers. */
export interface Answer {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
}

/** A rate limiter that also does what the server asks for, in the place of that limiter. */
export class Obedience implements Policy {
  readonly limiter: RateLimiter;
  readonly #gate: Gate;
  readonly #clock: Pick<Clock, "now">;

  constructor(limiter: RateLimiter, clock: Pick<Clock, "now" | "setTimer">) {
    this.limiter = limiter;
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

  /** Whether nothing would be lost if it was forgotten. */
  get isIdle(): boolean {
    return this.#gate.isIdle;
  }

  execute<Result>(
    fn: (context: ExecutionContext) => Result | PromiseLike<Result>,
    options?: ExecuteOptions,
  ): Promise<Result> {
    return this.limiter.execute(
      async (...[context]: [ExecutionContext]) =>
        this.#send(await this.#gate.enter((context as Context).source), fn, context),
      options,
    );
  }

  async #send<Result>(
    sent: Sent,
    fn: (context: ExecutionContext) => Result | PromiseLike<Result>,
    context: ExecutionContext,
  ): Promise<Result> {
    try {
      const result = await fn(context);
      this.#hear(sent, result);
      return result;
    } catch (error) {
      if (error instanceof HttpStatusError) this.#hear(sent, error.response);
      throw error;
    } finally {
      this.#gate.allowance.answer();
      if (this.#gate.queued > 0) this.#gate.serve();
    }
  }

  /** Does what an answer asks for. */
  #hear(sent: Sent, answer: unknown): void {
    const { status, headers } = answer as Answer;
    const field = headers.get("ratelimit");
    const isPutOff = status === 429 || status === 503;
    if (field === null && !isPutOff) return;
    const asked = isPutOff ? retryAfterSeconds({ headers }) : undefined;
    // One out of a cache tells what was left at another time.
    const items = field === null || headers.get("age") !== null ? [] : parseRateLimit(field);
    const now = this.#clock.now();
    if (items.length > 0)
      this.#gate.allowance.hear(sent, items, parsePolicy(headers.get("ratelimit-policy")), now);
    const spent = items.flatMap(({ remaining, seconds = 0 }) => (remaining === 0 ? [seconds] : []));
    // Of the two, Retry-After counts.
    this.pause(asked ?? Math.max(0, ...spent));
  }

  /** Lets no call through for so many seconds. */
  pause(seconds: number): void {
    if (seconds > 0) this.limiter.pauseFor(Math.min(seconds, LONGEST / 1000));
  }
}
