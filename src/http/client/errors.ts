import { brandError, ResilienceError } from "../../kernel/errors.js";
import { retryAfterSeconds } from "../../kernel/retry-after.js";

/** Statuses by which a server puts a request off: they say nothing about its health. */
const PUT_OFF: ReadonlySet<number> = new Set([408, 425, 429]);

/** Whether policies see a response with this status as an error. */
export function isFailed(status: number): boolean {
  return status >= 500 || PUT_OFF.has(status);
}

/**
 * A response as policies see it when its status says that the request has failed: 408, 425, 429, or 500 and above. The
 * caller gets the response itself. `code`: `ERR_HTTP_STATUS`.
 */
export class HttpStatusError extends ResilienceError {
  readonly status: number;
  /** The origin that was called. */
  readonly origin: string;
  /** The response, whose body may have been cancelled. */
  declare readonly response: unknown;
  /** Whether the server has put the request off (408, 425, 429): not a failure, so a circuit breaker ignores it. */
  readonly refused: boolean;
  /** Seconds that the server asks to wait, if it does. */
  readonly retryAfter: number | undefined;

  constructor(status: number, origin: string, response: { readonly headers: object }) {
    super("ERR_HTTP_STATUS", `${origin} has answered with status ${status}.`);
    this.status = status;
    this.origin = origin;
    this.refused = PUT_OFF.has(status);
    this.retryAfter = retryAfterSeconds(response);
    // Not enumerable: what logs an error should not log a response.
    Object.defineProperty(this, "response", { value: response });
  }
}
brandError(HttpStatusError, "HttpStatusError");

/** Says for which origin policies have refused or ended a call: the components of all have the same name. */
export function withOrigin(reason: unknown, origin: string): unknown {
  if (reason instanceof ResilienceError && !("origin" in reason)) {
    // Without effect on an error that was frozen.
    Reflect.defineProperty(reason, "origin", {
      value: origin,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return reason;
}
