import type { RateLimitOptions, RequestLimit } from "../http/server/options.js";
import type { RefusalContent, RefusalFacts } from "../http/server/refusal.js";
import type { Eventually, RequestLimiter } from "../http/server/request-limiter.js";
import type { ShedLoadOptions } from "../http/server/shedding.js";
import type { FastifyLimitedReply, FastifyLimitedRequest } from "./server.js";

/** Callbacks as methods, whose parameters may have Fastify's own types, or such with what other plugins add. */
interface Callbacks<Value> {
  ofRequest(request: FastifyLimitedRequest): Eventually<Value>;
  ofRefusal(request: FastifyLimitedRequest, facts: RefusalFacts): Eventually<Value>;
  ofResponse(request: FastifyLimitedRequest, reply: FastifyLimitedReply): Eventually<Value>;
}

interface Further extends Omit<
  RateLimitOptions,
  "limits" | "limiter" | "key" | "cost" | "settle" | "skip" | "refusal"
> {
  /**
   * Whose request it is: any string. Default, and for `undefined`: the client's address, an IPv6 address by its /64.
   * Requests whose address is not known share one bucket.
   */
  readonly key?: Callbacks<string | undefined>["ofRequest"] | undefined;
  /** How many tokens the request takes, 0 or more. Default 1. One that costs more than the burst is refused. */
  readonly cost?: Callbacks<number>["ofRequest"] | undefined;
  /**
   * Called when the response has ended or its connection is lost: how many tokens the request has really taken, 0 or
   * more. The difference to `cost` is given back, or is a debt. Default: what it cost.
   */
  readonly settle?: Callbacks<number>["ofResponse"] | undefined;
  /** Whether a request is not limited. Default: all are. */
  readonly skip?: Callbacks<boolean>["ofRequest"] | undefined;
  /**
   * Called for each request that is refused: what the answer says in place of problem details, which stay if it returns
   * `undefined`. The status and the fields are those of every refusal.
   */
  readonly refusal?: Callbacks<RefusalContent | void>["ofRefusal"] | undefined;
}

interface WithLimits extends Further {
  /** The limits of each client, counted in this process: a request is admitted by all of them, or takes from none. */
  readonly limits: readonly RequestLimit[];
  readonly limiter?: undefined;
}

interface WithLimiter extends Further {
  /** Instead of `limits`: a keyed limiter, such as a `KeyedRateLimiter`, or one that several processes share. */
  readonly limiter: RequestLimiter;
  readonly limits?: undefined;
}

/** As {@link WithLimits}, or with what the plugin has. */
interface OfRoute extends Further, Partial<Pick<WithLimits, "limits" | "limiter">> {}

/** Options of the plugin: those of `rateLimit` of `@kstlib/resilience/http`, with `limits` or a `limiter`. */
export type FastifyRateLimitOptions = WithLimits | WithLimiter;

/** What can stand in `config.rateLimit` of a route: options in place of the plugin's; `false`: it is not limited. */
export type FastifyRouteRateLimit = OfRoute | WithLimiter | false;

type Limiter = NonNullable<ShedLoadOptions["bulkhead"]>;

interface Shedding extends Pick<ShedLoadOptions, "retryAfter">, Pick<Further, "refusal"> {
  /**
   * Whether a request is served whatever the load is, without a permit: for health probes and metrics, which are needed most
   * then. Default: none is.
   */
  readonly skip?: Callbacks<boolean>["ofRequest"] | undefined;
}

/** Options of the plugin that sheds load: those of `shedLoad` of `@kstlib/resilience/http`, with one of the two limiters. */
export type FastifyShedLoadOptions = Shedding &
  (
    | { readonly bulkhead: Limiter; readonly adaptiveLimiter?: undefined }
    | { readonly adaptiveLimiter: Limiter; readonly bulkhead?: undefined }
  );
