import type { CircuitBreakerEvents } from "../../circuit-breaker/report.js";
import type { Component, Snapshot } from "../../kernel/component.js";
import type { Listener } from "../../kernel/events.js";
import type { AdaptiveLimiterEvents } from "../../policies/adaptive-limiter/adaptive-limiter.js";
import type { BulkheadEvents } from "../../policies/bulkhead/bulkhead.js";
import type { FallbackEvents } from "../../policies/fallback/fallback.js";
import type { HedgeEvents } from "../../policies/hedge/report.js";
import type { RetryEvents } from "../../policies/retry/report.js";
import type { TimeoutEvents } from "../../policies/timeout/timeout.js";
import type { RateLimiterEvents } from "../../rate-limiter/report.js";
import type { PartStats } from "../../resilient-options.js";

/** The state of the policies of an origin at one moment. */
export interface HostStats {
  /** Calls under way, until there is a response. */
  readonly running: number;
  /** `undefined` without a circuit breaker. */
  readonly circuit: string | undefined;
  /** How many calls wait because of what the server asks for or its quota, beside those that wait at a rate limiter. */
  readonly queued: number;
  /** Seconds until a call would be let through: by the rate limiter, a pause, and the quota that the server tells. */
  readonly wait: number;
  /** Whether calls are let go slowly, after the server has refused one and told nothing but how long to wait. */
  readonly isRecovering: boolean;
  /** The `stats` of each part that there is, by its name. */
  readonly parts: Partial<PartStats>;
}

/** The events of how a client obeys a server. */
export interface ObedienceEvents {
  /** A request that had to wait was let through after `waited` seconds. */
  readonly waited: { readonly waited: number };
  /** A request was refused, because the server asks to wait for longer than it has. */
  readonly rejected: { readonly retryAfter: number };
}

interface PartEvents {
  readonly fallback: FallbackEvents;
  readonly totalTimeout: TimeoutEvents;
  readonly retry: RetryEvents;
  readonly hedge: HedgeEvents;
  readonly rateLimiter: RateLimiterEvents;
  readonly circuitBreaker: CircuitBreakerEvents;
  readonly bulkhead: BulkheadEvents;
  readonly adaptiveLimiter: AdaptiveLimiterEvents;
  readonly timeout: TimeoutEvents;
}

interface OfOrigin {
  /** Of the policies, as the key of `stats()` calls it; `all` of a part that was given as an instance. */
  readonly origin: string;
}

type EventsOf<Part extends keyof PartEvents> = {
  readonly [Name in keyof PartEvents[Part] & string as `${Part}.${Name}`]: PartEvents[Part][Name] & OfOrigin;
};

/** The events of a client, its own and those of its parts, and what their listeners get: always with the `origin`. */
export type HttpClientEvents = {
  readonly [Name in keyof ObedienceEvents]: ObedienceEvents[Name] & OfOrigin;
} & EventsOf<"fallback"> &
  EventsOf<"totalTimeout"> &
  EventsOf<"retry"> &
  EventsOf<"hedge"> &
  EventsOf<"rateLimiter"> &
  EventsOf<"circuitBreaker"> &
  EventsOf<"bulkhead"> &
  EventsOf<"adaptiveLimiter"> &
  EventsOf<"timeout">;

/** The state of a client at one moment. */
export interface HttpClientSnapshot extends Snapshot {
  readonly kind: "http-client";
  /** The same as `stats()`. */
  readonly origins: Readonly<Record<string, HostStats>>;
}

/** What a client has beside the call: it is a component, for `logEvents`, and `addCheck` of a `Health`. */
export interface HttpClient extends Component {
  /**
   * The state of the policies of each origin, by origin; by `others` of those that share one set; of an interceptor by
   * `pool 1`, `pool 2` of each `Pool` or `Client` whose requests do not name their origin.
   */
  stats(): Readonly<Record<string, HostStats>>;
  snapshot(): HttpClientSnapshot;
  /**
   * Adds a listener of an event of all origins, also of those called later: of a part as `"circuitBreaker.stateChange"`.
   * Disposing of the result removes it.
   *
   * @throws TypeError for an event that there is not.
   */
  on<Name extends keyof HttpClientEvents>(
    event: Name,
    listener: Listener<HttpClientEvents[Name]>,
  ): Disposable;
}
