import type { Duration } from "../../kernel/duration.js";
import { type OptionRules, resolveOptions, type SettingsFor } from "../../kernel/options.js";
import { isRefusal } from "../../kernel/refusal.js";
import { callback, custom, duration, type Rule } from "../../kernel/rules.js";
import { unlike } from "../../kernel/show.js";
import { described } from "./describing.js";
import type { DescribeRefusal } from "./refusal.js";
import type { Eventually } from "./request-limiter.js";
import type { NodeRequest } from "./requests.js";
import { reducedCapacity, type Refusal } from "./verdict.js";

/** What limits how many run at once: a `Bulkhead`, an `AdaptiveLimiter`, or what refuses as they do. */
export interface ConcurrencyLimiter {
  execute(fn: () => Promise<number>, options?: { readonly signal: AbortSignal }): Promise<number>;
}

/** Options of `shedLoad`: one of `bulkhead` and `adaptiveLimiter`. `Request` is what callbacks get. */
export interface ShedLoadOptions<Request = NodeRequest> {
  /** Limits how many requests are served at once; further ones wait in its queue. */
  readonly bulkhead?: ConcurrencyLimiter | undefined;
  /** As `bulkhead`, with a limit that follows how long responses take; those whose client went away do not count. */
  readonly adaptiveLimiter?: ConcurrencyLimiter | undefined;
  /** When a refused client may come back, rounded up to whole seconds. Default 1 s. */
  readonly retryAfter?: Duration | undefined;
  /**
   * Whether a request is served whatever the load is, without a permit: for health probes and metrics, which are needed most
   * then. Default: none is.
   */
  readonly skip?: ((request: Request) => Eventually<boolean>) | undefined;
  /**
   * Called for each request that is refused: what the answer says in place of problem details, which stay if it returns
   * `undefined`. The status and the fields are those of every refusal.
   */
  readonly refusal?: DescribeRefusal<Request> | undefined;
}

type ShedLoadSettings = SettingsFor<
  ShedLoadOptions,
  {
    bulkhead: ConcurrencyLimiter | undefined;
    adaptiveLimiter: ConcurrencyLimiter | undefined;
    retryAfter: number;
    skip: ((request: unknown) => Eventually<unknown>) | undefined;
    refusal: ((...args: unknown[]) => unknown) | undefined;
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
  skip: callback(),
  refusal: callback(),
};

/** How a response is watched: calls once, with whether all of it was sent, when it has ended or its client has gone. */
export type Watch = (ended: (isServed: boolean) => void) => void;

/** What becomes of a request: it is served, there is no room for it, or its client has gone while it waited. */
export type Entry = "served" | "full" | "gone";

/** Whether a request may have to wait: so it may if the limiter does not tell. */
function mayWait(limiter: ConcurrencyLimiter): boolean {
  const { running, maxConcurrent, limit } = limiter as {
    readonly running?: number;
    readonly maxConcurrent?: number;
    readonly limit?: number;
  };
  return !(Number(running) < Number(maxConcurrent ?? limit));
}

/** Decides which requests are served; each framework has a shell around it. */
export class Shedding {
  /** What every request that is refused gets, if the application has no words of its own. */
  readonly refusal: Refusal;
  readonly #describe: ShedLoadSettings["refusal"];
  readonly #limiter: ConcurrencyLimiter;
  readonly #skip: ShedLoadSettings["skip"];

  /** @throws TypeError or RangeError that names the option. */
  constructor(options: ShedLoadOptions<never>) {
    const settings = resolveOptions("shedLoad", shedLoadRules, options);
    const { bulkhead, adaptiveLimiter, retryAfter, skip, refusal } = settings;
    const limiter = bulkhead ?? adaptiveLimiter;
    if (limiter === undefined || (bulkhead !== undefined && adaptiveLimiter !== undefined)) {
      throw new TypeError(
        `shedLoad must have bulkhead or adaptiveLimiter; got ${limiter === undefined ? "neither" : "both"}.`,
      );
    }
    this.#limiter = limiter;
    this.#skip = skip;
    this.#describe = refusal;
    this.refusal = reducedCapacity(Math.max(1, Math.ceil(retryAfter / 1000)));
  }

  /**
   * The answer to a request for which there is no room.
   *
   * @param request what the callback of the application gets.
   * @throws what the callback throws, or for what it returns; or rejects with it.
   */
  refuse(request: unknown): Eventually<Refusal> {
    return described(this.#describe, request, this.refusal);
  }

  /**
   * A request that is served keeps its permit until its response has ended; one that waits leaves the queue when its client
   * goes away.
   *
   * @param request what the callbacks of the application get.
   * @param status that of the response, asked for when it has been sent.
   * @throws rejects with what a callback throws, and what the limiter rejects with, if that is no refusal.
   */
  async enter(request: unknown, watch: Watch, status: () => number): Promise<Entry> {
    if (this.#skip !== undefined && (await this.#skip(request))) return "served";
    return this.#enter(watch, status);
  }

  #enter(watch: Watch, status: () => number): Promise<Entry> {
    return new Promise((resolve, reject) => {
      // Only for those that may wait: listening to a signal costs more than all of the rest.
      const waiting = mayWait(this.#limiter) ? new AbortController() : undefined;
      let isOver = false;
      let over = (_isServed: boolean): void => waiting?.abort();
      watch((isServed) => {
        isOver = true;
        over(isServed);
      });
      const serve = (): Promise<number> =>
        new Promise((ended, gone) => {
          // A rejection is not learnt from: the response would have taken longer.
          over = (isServed) => (isServed ? ended(status()) : gone(new Error("The client went away.")));
          // It may have gone as its turn came.
          if (isOver) over(false);
          resolve(isOver ? "gone" : "served");
        });
      void (async () => {
        try {
          await this.#limiter.execute(serve, waiting && { signal: waiting.signal });
        } catch (error) {
          if (isOver) resolve("gone");
          else if (isRefusal(error)) resolve("full");
          else reject(error);
        }
      })();
    });
  }
}
