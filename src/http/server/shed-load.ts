import type { Duration } from "../../kernel/duration.js";
import { realClock } from "../../kernel/clock.js";
import { type OptionRules, resolveOptions, type SettingsFor } from "../../kernel/options.js";
import { isRefusal } from "../../kernel/refusal.js";
import { custom, duration, type Rule } from "../../kernel/rules.js";
import { unlike } from "../../kernel/show.js";
import { REDUCED_CAPACITY } from "./problem.js";
import { refuse } from "./refuse.js";
import { type Middleware, type Next, type NodeRequest, type NodeResponse, passOn } from "./requests.js";

/** What limits how many run at once: a `Bulkhead`, an `AdaptiveLimiter`, or what refuses as they do. */
export interface ConcurrencyLimiter {
  execute(fn: () => Promise<number>): Promise<number>;
}

/** Options of {@link shedLoad}: one of `bulkhead` and `adaptiveLimiter`. */
export interface ShedLoadOptions {
  /** Limits how many requests are served at once; further ones wait in its queue. */
  readonly bulkhead?: ConcurrencyLimiter | undefined;
  /** As `bulkhead`, with a limit that follows how long responses take; those whose client went away do not count. */
  readonly adaptiveLimiter?: ConcurrencyLimiter | undefined;
  /** When a refused client may come back, rounded up to whole seconds. Default 1 s. */
  readonly retryAfter?: Duration | undefined;
}

type ShedLoadSettings = SettingsFor<
  ShedLoadOptions,
  {
    bulkhead: ConcurrencyLimiter | undefined;
    adaptiveLimiter: ConcurrencyLimiter | undefined;
    retryAfter: number;
  }
>;

const limiterRule: Rule<ConcurrencyLimiter | undefined> = custom({
  allowed: "a bulkhead or an adaptive limiter",
  parse(value, label) {
    const given = value as Partial<ConcurrencyLimiter> | null;
    if (typeof given === "object" && typeof given?.execute === "function") return given as ConcurrencyLimiter;
    throw new TypeError(unlike(label, limiterRule.allowed, value));
  },
});

/** The rules of {@link ShedLoadOptions}. */
export const shedLoadRules: OptionRules<ShedLoadSettings> = {
  bulkhead: limiterRule,
  adaptiveLimiter: limiterRule,
  retryAfter: duration(1),
};

/** Resolves to whether a request may go on, which then keeps its permit until its response has ended. */
function enter(limiter: ConcurrencyLimiter, response: NodeResponse): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const served = (): Promise<number> =>
      new Promise((ended, gone) => {
        const closed = (): void => {
          // A rejection is not learnt from: the response would have taken longer.
          if (response.writableFinished) ended(response.statusCode);
          else gone(new Error("The client went away."));
        };
        resolve(true);
        // It may have gone while it waited for its turn.
        if (response.destroyed) closed();
        else response.once("close", closed);
      });
    void (async () => {
      try {
        await limiter.execute(served);
      } catch (error) {
        if (isRefusal(error)) resolve(false);
        else reject(error);
      }
    })();
  });
}

/**
 * Makes a middleware that refuses requests with 503 and `Retry-After` when as many are served as the bulkhead or the
 * adaptive limiter allows and its queue is full. A permit is given back when the response has ended or the client has gone.
 *
 * @throws TypeError or RangeError that names the option when one is missing, unknown, of the wrong type or out of range.
 * @example
 * ```ts
 * import { Bulkhead } from "@kstlib/resilience";
 * import http from "node:http";
 * import { shedLoad } from "@kstlib/resilience/http";
 *
 * const shed = shedLoad({ bulkhead: new Bulkhead({ maxConcurrent: 100 }) });
 * const server = http.createServer(async (request, response) => {
 *   if (await shed(request, response)) response.end("hello");
 * });
 * ```
 */
export function shedLoad<
  Request extends NodeRequest = NodeRequest,
  Response extends NodeResponse = NodeResponse,
>(options: ShedLoadOptions): Middleware<Request, Response> {
  const { bulkhead, adaptiveLimiter, retryAfter } = resolveOptions("shedLoad", shedLoadRules, options);
  const limiter = bulkhead ?? adaptiveLimiter;
  if (limiter === undefined || (bulkhead !== undefined && adaptiveLimiter !== undefined)) {
    throw new TypeError(
      `shedLoad must have bulkhead or adaptiveLimiter; got ${limiter === undefined ? "neither" : "both"}.`,
    );
  }
  const fields = [["Retry-After", String(Math.max(1, Math.ceil(retryAfter / 1000)))]] as const;
  const refusal = { status: 503, fields, body: REDUCED_CAPACITY };

  const admit = async (request: Request, response: Response): Promise<boolean> => {
    if (await enter(limiter, response)) return !response.destroyed;
    if (!response.headersSent) refuse(request, response, refusal, realClock);
    return false;
  };
  const withNext = (request: Request, response: Response, next: Next): void => {
    void passOn(admit(request, response), next);
  };
  return ((request: Request, response: Response, next?: Next): void | Promise<boolean> =>
    next === undefined ? admit(request, response) : withNext(request, response, next)) as Middleware<
    Request,
    Response
  >;
}
