import type { Clock } from "../../kernel/clock.js";
import type { Duration } from "../../kernel/duration.js";
import { kindOf } from "../../kernel/kind-of.js";
import { clockRule } from "../../kernel/object-rules.js";
import { type OptionRules, ownOptions, resolveOptions, type SettingsFor } from "../../kernel/options.js";
import { callback, choice, custom, duration, integer, numberAbove, type Rule } from "../../kernel/rules.js";
import { unlike } from "../../kernel/show.js";
import type { ProxyHeader, TrustProxy } from "./forwarded.js";
import type { DescribeRefusal } from "./refusal.js";
import type { Eventually, RequestLimiter } from "./request-limiter.js";
import type { NodeRequest, NodeResponse } from "./requests.js";

/** A limit of each client. */
export interface RequestLimit {
  /** Names it in the fields of responses: 1 to 64 characters of ASCII that can be printed. Default `"default"`. */
  readonly name?: string | undefined;
  /** How many requests may come in each `per`: a number above 0. */
  readonly rate: number;
  /** The period of `rate`. Default 1 s. */
  readonly per?: Duration | undefined;
  /** How many requests may come at once: 1 or more. Default: the rate, at least 1. */
  readonly burst?: number | undefined;
}

/** Which fields tell a client about its limits. */
export type HeaderForm = "draft-11" | "draft-7" | "draft-6" | "legacy" | false;

/** Options of the middlewares that limit the rate of requests. `Request` is what callbacks get. */
export interface RateLimitOptions<Request = NodeRequest, Response = NodeResponse> {
  /** The limits of each client, counted in this process: a request is admitted by all of them, or takes from none. */
  readonly limits?: readonly RequestLimit[] | undefined;
  /** Instead of `limits`: a keyed limiter, such as a `KeyedRateLimiter`, or one that several processes share. */
  readonly limiter?: RequestLimiter | undefined;
  /** How many clients are known, 1 to 16,777,216, as `maxKeys` of a `KeyedRateLimiter`. Default 100,000. */
  readonly maxKeys?: number | undefined;
  /**
   * Whose request it is: any string. Default, and for `undefined`: the client's address, an IPv6 address by its /64.
   * Requests whose address is not known share one bucket.
   */
  readonly key?: ((request: Request) => Eventually<string | undefined>) | undefined;
  /**
   * The proxies in front: how many, 0 to 100, or a function that tells whether an address (in canonical form) is a
   * proxy's. Default 0: what a client says about its address is not believed.
   */
  readonly trustProxy?: TrustProxy | undefined;
  /** In which field the proxies write whom they forward for. Default `"x-forwarded-for"`. */
  readonly proxyHeader?: ProxyHeader | undefined;
  /** How many tokens the request takes, 0 or more. Default 1. One that costs more than the burst is refused. */
  readonly cost?: ((request: Request) => Eventually<number>) | undefined;
  /**
   * Called when the response has ended or its connection is lost: how many tokens the request has really taken, 0 or
   * more. The difference to `cost` is given back, or is a debt. Default: what it cost.
   */
  readonly settle?: ((request: Request, response: Response) => Eventually<number>) | undefined;
  /** Whether a request is not limited. Default: all are. */
  readonly skip?: ((request: Request) => Eventually<boolean>) | undefined;
  /**
   * Called for each request that is refused: what the answer says in place of problem details, which stay if it returns
   * `undefined`. The status and the fields are those of every refusal.
   */
  readonly refusal?: DescribeRefusal<Request> | undefined;
  /** What to do with requests when the limiter fails: `"open"`, let them through, or `"closed"` (503). Default `"open"`. */
  readonly onStoreError?: "open" | "closed" | undefined;
  /** The fields of responses. Default `"draft-11"`; `false` for none but `Retry-After`. */
  readonly headers?: HeaderForm | undefined;
  /**
   * A secret of at least 16 characters or bytes: the fields of draft 11 tell by `pk` which responses are of one bucket,
   * as an HMAC-SHA-256 of the key. Default: they do not.
   */
  readonly pk?: string | Uint8Array | undefined;
  /** The source of time. Default: the system's. */
  readonly clock?: Clock | undefined;
}

interface LimitSettings {
  readonly name: string;
  readonly rate: number;
  /** In milliseconds. */
  readonly per: number;
  readonly burst: number | undefined;
}

type Call = ((...args: unknown[]) => unknown) | undefined;

/** Checked {@link RateLimitOptions}. */
export type RateLimitSettings = SettingsFor<
  RateLimitOptions,
  {
    limits: readonly LimitSettings[] | undefined;
    limiter: RequestLimiter | undefined;
    maxKeys: number;
    key: Call;
    trustProxy: TrustProxy;
    proxyHeader: ProxyHeader;
    cost: Call;
    settle: Call;
    skip: Call;
    refusal: Call;
    onStoreError: "open" | "closed";
    headers: HeaderForm;
    pk: string | Uint8Array | undefined;
    clock: Clock;
  }
>;

/** What may stand in a String of structured fields, RFC 9651, and fits on a line. */
const NAME = /^[\x20-\x7e]{1,64}$/;

const nameRule: Rule<string> = custom({
  fallback: "default",
  allowed: "1 to 64 characters of ASCII that can be printed",
  parse(value, label) {
    if (typeof value === "string" && NAME.test(value)) return value;
    throw new (typeof value === "string" ? RangeError : TypeError)(unlike(label, nameRule.allowed, value));
  },
});

const limitRules: Record<keyof LimitSettings, Rule<unknown>> = {
  name: nameRule,
  rate: numberAbove(undefined, 0),
  per: duration(1, { long: true }),
  burst: { ...numberAbove(undefined, 0), allowed: "a number of at least 1" },
};

function readLimit(value: unknown, label: string): LimitSettings {
  const own = ownOptions(label, limitRules, value);
  const read = (key: keyof LimitSettings): unknown => {
    const given = own[key] === undefined ? limitRules[key].fallback : own[key];
    return given === undefined && key === "burst"
      ? undefined
      : limitRules[key].parse(given, `${label}.${key}`);
  };
  const burst = read("burst") as number | undefined;
  if (burst !== undefined && burst < 1) {
    throw new RangeError(unlike(`${label}.burst`, "a number of at least 1", burst));
  }
  return { name: read("name") as string, rate: read("rate") as number, per: read("per") as number, burst };
}

const WHY_ALIKE = ["", ", because one of them has no name", ", because they have no name"] as const;

const limits: Rule<readonly LimitSettings[] | undefined> = custom({
  allowed: "a list of 1 to 16 limits, each with a name of its own",
  parse(value, label) {
    if (!Array.isArray(value)) throw new TypeError(unlike(label, limits.allowed, value));
    const read = value.map((limit: unknown, at) => readLimit(limit, `${label}[${at}]`));
    if (read.length === 0 || read.length > 16) {
      throw new RangeError(`${label} must be ${limits.allowed}; got ${read.length}.`);
    }
    for (const [at, { name }] of read.entries()) {
      const other = read.findIndex((limit) => limit.name === name);
      if (other === at) continue;
      const unnamed = [other, at].filter((each) => (value[each] as RequestLimit).name === undefined);
      const why = WHY_ALIKE[unnamed.length] ?? "";
      const alike = `${label}[${other}] and ${label}[${at}] are both called ${JSON.stringify(name)}${why}`;
      throw new RangeError(`${label} must be ${limits.allowed}; ${alike}.`);
    }
    return read;
  },
});

/** Of those that would take a key for a cost, and fail with every request. */
const ONE_BUCKET: ReadonlySet<unknown> = new Set(["rate-limiter", "shared-rate-limiter"]);

const limiter: Rule<RequestLimiter | undefined> = custom({
  allowed: "a keyed rate limiter with tryAcquire and timeUntilToken, and with rate, per and burst",
  parse(value, label) {
    const given = value as Partial<RequestLimiter> | null;
    const kind = kindOf(value);
    if (kind !== undefined && ONE_BUCKET.has(kind)) {
      throw new TypeError(
        `${label} must be ${limiter.allowed}; got a ${kind}, which has one bucket for all. For that use a key that is always the same.`,
      );
    }
    const has = typeof given === "object" && given !== null;
    const acts = has && typeof given.tryAcquire === "function" && typeof given.timeUntilToken === "function";
    if (acts && [given.rate, given.per, given.burst].every((each) => typeof each === "number")) {
      return given as RequestLimiter;
    }
    throw new TypeError(unlike(label, limiter.allowed, value));
  },
});

const MOST_PROXIES = 100;

const trustProxy: Rule<TrustProxy> = custom<TrustProxy>({
  fallback: 0,
  allowed: `a whole number from 0 to ${MOST_PROXIES}, or a function of an address`,
  parse(value, label) {
    if (typeof value === "function") return value as (address: string) => boolean;
    if (typeof value !== "number") throw new TypeError(unlike(label, trustProxy.allowed, value));
    if (Number.isInteger(value) && value >= 0 && value <= MOST_PROXIES) return value;
    throw new RangeError(unlike(label, trustProxy.allowed, value));
  },
});

const FORMS: ReadonlySet<unknown> = new Set(["draft-11", "draft-7", "draft-6", "legacy", false]);

const headers: Rule<HeaderForm> = custom<HeaderForm>({
  fallback: "draft-11",
  allowed: 'one of "draft-11", "draft-7", "draft-6", "legacy" and false',
  parse(value, label) {
    if (FORMS.has(value)) return value as HeaderForm;
    throw new (typeof value === "string" ? RangeError : TypeError)(unlike(label, headers.allowed, value));
  },
});

const SHORTEST_SECRET = 16;

const pk: Rule<string | Uint8Array | undefined> = custom({
  allowed: `a secret of at least ${SHORTEST_SECRET} characters or bytes`,
  parse(value, label) {
    const isBytes = Object.prototype.toString.call(value) === "[object Uint8Array]";
    const isSecret = typeof value === "string" || isBytes;
    // What was given is not shown: it may be a secret.
    if (!isSecret) throw new TypeError(`${label} must be ${pk.allowed}; got ${typeof value}.`);
    const secret = value as string | Uint8Array;
    if (secret.length >= SHORTEST_SECRET) return secret;
    throw new RangeError(`${label} must be ${pk.allowed}; got ${secret.length}.`);
  },
});

/** The rules of {@link RateLimitOptions}. */
export const rateLimitRules: OptionRules<RateLimitSettings> = {
  limits,
  limiter,
  maxKeys: integer(100_000, 1, 2 ** 24),
  key: callback(),
  trustProxy,
  proxyHeader: choice<ProxyHeader>("x-forwarded-for", ["x-forwarded-for", "forwarded"]),
  cost: callback(),
  settle: callback(),
  skip: callback(),
  refusal: callback(),
  onStoreError: choice<"open" | "closed">("open", ["open", "closed"]),
  headers,
  pk,
  clock: clockRule,
};

/**
 * Checks the options of a middleware.
 *
 * @param component what they are of, for messages.
 */
export function readRateLimitOptions(component: string, options: object | undefined): RateLimitSettings {
  const settings = resolveOptions(component, rateLimitRules, options);
  const { limiter: given, settle } = settings;
  if ((settings.limits === undefined) === (given === undefined)) {
    throw new TypeError(`${component} must have limits or limiter; got ${given ? "both" : "neither"}.`);
  }
  if (settle !== undefined && given !== undefined && typeof given.reserve !== "function") {
    throw new TypeError(`settle of ${component} must have a limiter with reserve; this one has none.`);
  }
  return settings;
}
