import { CircuitBreaker } from "../circuit-breaker/circuit-breaker.js";
import type { Clock } from "../kernel/clock.js";
import { Pipeline } from "../policies/pipeline/pipeline.js";
import { Retry } from "../policies/retry/retry.js";
import { Timeout } from "../policies/timeout/timeout.js";

function isRetryable(reason: unknown): boolean {
  return Reflect.get(Object(reason), "retryable") !== false;
}

/** What protects the deliveries of one channel; `timeout` in milliseconds. */
export function channelPipeline(
  channel: string,
  {
    clock,
    maxRetries,
    timeout,
  }: { readonly clock: Clock; readonly maxRetries: number; readonly timeout: number },
): Pipeline {
  const name = `alerts to ${channel}`;
  return new Pipeline(name, [
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
}
