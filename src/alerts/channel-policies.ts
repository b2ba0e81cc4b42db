import { CircuitBreaker } from "../circuit-breaker/circuit-breaker.js";
import type { Clock } from "../kernel/clock.js";
import { pushConfiguration } from "../kernel/configured.js";
import { Pipeline } from "../policies/pipeline/pipeline.js";
import { Retry } from "../policies/retry/retry.js";
import { Timeout } from "../policies/timeout/timeout.js";
import { RateLimiter } from "../rate-limiter/rate-limiter.js";
import { fieldOf } from "./field-of.js";
import type { ThrottleSettings } from "./channel-rules.js";

/** What protects a channel. */
export interface ChannelPolicies {
  /** For deliveries. */
  readonly pipeline: Pipeline;
  /** For messages; without one nothing is held back. */
  readonly limiter: RateLimiter | undefined;
}

/** Durations in milliseconds. */
interface PolicySettings {
  readonly clock: Clock;
  readonly maxRetries: number;
  readonly timeout: number;
  readonly throttle: ThrottleSettings | false;
}

function isRetryable(reason: unknown): boolean {
  return fieldOf(reason, "retryable") !== false;
}

function made(channel: string, { clock, maxRetries, timeout, throttle }: PolicySettings): ChannelPolicies {
  const name = `alerts to ${channel}`;
  const pipeline = new Pipeline(name, [
    new Retry({
      name,
      attempts: maxRetries + 1,
      delay: { initial: "1s", factor: 2, max: "30s", jitter: "full" },
      retryIf: (outcome) => outcome.status === "rejected" && isRetryable(outcome.reason),
      clock,
    }),
    new CircuitBreaker({
      name,
      maxFailures: 5,
      resetTimeout: "60s",
      // What is wrong with one message says nothing of the next.
      excludedErrors: [(error: unknown) => !isRetryable(error)],
      clock,
    }),
    new Timeout({ name, timeout: timeout / 1000, clock }),
  ]);
  if (throttle === false) return { pipeline, limiter: undefined };
  const { rate, per, burst } = throttle;
  return { pipeline, limiter: new RateLimiter({ name, rate, per: per / 1000, burst, clock }) };
}

/** The policies of one channel. They are no components of the application, so what it configures for its own does not count. */
export function channelPolicies(channel: string, settings: PolicySettings): ChannelPolicies {
  const none = pushConfiguration({});
  try {
    return made(channel, settings);
  } finally {
    none[Symbol.dispose]();
  }
}
