import { throwIfAborted } from "../../kernel/abort.js";
import type { Clock } from "../../kernel/clock.js";
import type { Component, Snapshot } from "../../kernel/component.js";
import { currentSource } from "../../kernel/configured.js";
import {
  type Context,
  type ExecuteOptions,
  type ExecutionContext,
  readContext,
} from "../../kernel/context.js";
import { Events, type Listener } from "../../kernel/events.js";
import { logged, told } from "../../kernel/log-line.js";
import type { LogRules } from "../../kernel/log-rule.js";
import { join } from "../../kernel/living.js";
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
import { isThenable } from "../../kernel/thenable.js";
import { retryAfterSeconds } from "../../kernel/retry-after.js";
import { RateLimitExceededError } from "../../rate-limiter/errors.js";
import type { RateLimiter } from "../../rate-limiter/rate-limiter.js";
import { parsePolicy, parseRateLimit } from "../fields.js";
import type { Sent } from "./allowance.js";
import type { ObedienceEvents } from "./client.js";
import { HttpStatusError, isFailed } from "./errors.js";
import { Gate } from "./gate.js";
import { LONGEST } from "./told-quota.js";

/** What a server may ask for is in the status and the headers. */
export interface Answer {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly redirected?: boolean;
  readonly url?: string;
}

/** The state of how a client obeys a server. */
export interface ObedienceSnapshot extends Snapshot {
  readonly kind: "http-client";
  /** How many requests wait. */
  readonly queued: number;
  /** Seconds until a request that comes now would be let through if nobody else waited. */
  readonly wait: number;
  /** Whether they are let go slowly, after a refusal that told nothing but a time. */
  readonly isRecovering: boolean;
}

const logRules: LogRules<ObedienceEvents> = {
  waited: true,
  rejected: logged("debug", ({ retryAfter }) => ({
    message: `refused a request: the server asks to wait for ${told(retryAfter)}`,
    fields: { retryAfter },
  })),
};

/** Does what the server asks for, in the place of a rate limiter, and together with it if there is one. */
export class Obedience implements Policy, Component {
  /** Of the client. */
  readonly name: string;
  readonly #limiter: RateLimiter | undefined;
  readonly #gate: Gate;
  readonly #clock: Pick<Clock, "now">;
  readonly #elsewhere: (url: string) => Obedience | undefined;
  readonly #events: Events<ObedienceEvents>;

  /** @param elsewhere finds who obeys the server of a URL. */
  constructor(
    name: string,
    limiter: RateLimiter | undefined,
    clock: Pick<Clock, "now" | "setTimer">,
    elsewhere: (url: string) => Obedience | undefined,
  ) {
    this.name = name;
    this.#limiter = limiter;
    this.#elsewhere = elsewhere;
    tellStart(this, (inside, fn, context, next) => this.#start(inside, fn, context, next));
    this.#clock = clock;
    this.#gate = new Gate(clock);
    this.#events = new Events(`http client ${name}`, ["waited", "rejected"], { kind: "http-client", name });
    if (currentSource().isTrial !== true) join(this);
  }

  get logRules(): LogRules {
    return logRules;
  }

  /** Of the limiter. */
  get stats(): RateLimiter["stats"] | undefined {
    return this.#limiter?.stats;
  }

  snapshot(): ObedienceSnapshot {
    const { queued, wait, isRecovering } = this.#gate;
    return Object.freeze({ kind: "http-client", name: this.name, queued, wait, isRecovering });
  }

  on<Name extends keyof ObedienceEvents>(event: Name, listener: Listener<ObedienceEvents[Name]>): Disposable {
    return this.#events.on(event, listener);
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
    const limiter = this.#limiter;
    if (limiter === undefined) {
      // Nothing to wait for, as a rule.
      const sent = context.source?.aborted ? undefined : this.#gate.tryEnter();
      if (sent !== undefined) return inside.start(fn, context, this.#hearing(sent, next));
      return follow(this.#wait(inside, fn, context, this.#clock.now()), next);
    }
    const since = this.#clock.now();
    const limited = (...[inner]: [ExecutionContext]): Promise<unknown> =>
      this.#wait(inside, fn, inner as Context, since);
    return follow(limiter.execute(limited, context), next);
  }

  async #wait(inside: Inside, fn: Parameters<Start>[1], given: Context, since: number): Promise<unknown> {
    const { source } = given;
    throwIfAborted(source);
    const context = given.lasting(this.#clock);
    const now = this.#clock.now();
    const arrival = { source, since, deadline: now + context.remaining * 1000, late: this.#late };
    const entering = this.#gate.enter(arrival);
    const isLater = isThenable(entering);
    const sent = isLater ? await entering : entering;
    if (isLater) this.#events.emit("waited", { waited: (sent.at - now) / 1000 });
    return inside.start(fn, context, this.#hearing(sent, AS_IS));
  }

  readonly #late = (wait: number): unknown => {
    const retryAfter = wait / 1000;
    this.#events.emit("rejected", { retryAfter });
    return new RateLimitExceededError(this.name, retryAfter, "the server asks to wait");
  };

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
    try {
      this.#obey(sent, answer, status, headers);
    } finally {
      if (!isFailed(status)) this.#gate.allowance.served(sent);
    }
  }

  #obey(sent: Sent, answer: Answer, status: number, headers: Answer["headers"]): void {
    // Of a `fetch` of the application.
    if (typeof (headers as Answer["headers"] | undefined)?.get !== "function") return;
    const field = headers.get("ratelimit");
    const isPutOff = status === 429 || status === 503;
    if (field === null && !isPutOff) return;
    // After a redirection another may have answered.
    const asking = answer.redirected === true ? this.#elsewhere(answer.url ?? "") : this;
    if (asking === undefined) return;
    const asked = isPutOff ? retryAfterSeconds(answer) : undefined;
    const isRefused = status === 429 || asked !== undefined;
    // One out of a cache tells what was left at another time.
    const items = field === null || headers.get("age") !== null ? [] : parseRateLimit(field);
    if (items.length > 0 && asking === this) {
      const policies = parsePolicy(headers.get("ratelimit-policy"));
      this.#gate.allowance.hear(sent, items, policies, this.#clock.now());
    }
    if (isRefused && items.length === 0)
      return asking.#refused(asking === this ? sent.at : this.#clock.now(), asked ?? 0);
    const spent = items.flatMap(({ remaining, seconds = 0 }) => (remaining === 0 ? [seconds] : []));
    // Of the two, Retry-After counts.
    asking.#pause(asked ?? Math.max(0, ...spent));
  }

  /** A request was refused, and it is only known how long to wait. */
  #refused(at: number, seconds: number): void {
    this.#gate.allowance.refused(at, this.#clock.now(), Math.min(seconds * 1000, LONGEST));
    this.#pause(seconds);
  }

  /** Lets no call through for so many seconds. */
  #pause(seconds: number): void {
    if (seconds <= 0) return;
    const length = Math.min(seconds * 1000, LONGEST);
    // Of those, too, whom the limiter has let through, and who wait at the gate.
    this.#gate.pause(this.#clock.now() + length);
    this.#limiter?.pauseFor(length / 1000);
  }
}
