import type { Outcome } from "../../kernel/outcome.js";
import { isRetryable } from "../../policies/retry/hint.js";

/** The codes of errors of a connection: of Node, undici, Bun. */
const CONNECTION_CODES: ReadonlySet<unknown> = new Set([
  "ECONNRESET",
  "ECONNREFUSED",
  "ECONNABORTED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ENETDOWN",
  "ENETUNREACH",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "EPIPE",
  "ETIMEDOUT",
  "EADDRINUSE",
  "EADDRNOTAVAIL",
  "UND_ERR_SOCKET",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
  "UND_ERR_RES_CONTENT_LENGTH_MISMATCH",
  "ERR_HTTP2_STREAM_ERROR",
  "ERR_HTTP2_GOAWAY_SESSION",
  "ERR_STREAM_PREMATURE_CLOSE",
  "ERR_TIMEOUT_EXCEEDED",
  "ConnectionRefused",
  "ConnectionClosed",
]);

function property(of: unknown, name: string): unknown {
  return typeof of === "object" && of !== null ? Reflect.get(of, name) : undefined;
}

/**
 * Whether another attempt may fare better than one that has failed with this error: a lost connection or a timeout, but
 * not a certificate that is not valid, too many redirects, or a request that cannot be sent.
 */
export function isTransient(reason: unknown): boolean {
  const cause = property(reason, "cause");
  const code = property(reason, "code") ?? property(cause, "code");
  if (code !== undefined) return CONNECTION_CODES.has(code);
  // Of undici, the cause of a lost connection has a code.
  return cause === undefined && isRetryable({ status: "rejected", reason });
}

/** What is known about a failed attempt: `never`: its request must not be sent again; `vain`: it may, but in vain. */
type Verdict = "never" | "vain" | "again";

/**
 * How attempts have ended, by the error or the response: a retry asks about an outcome, and does not know the request.
 */
export class Verdicts {
  readonly #of = new WeakMap<object, Verdict>();

  set(end: object, isRepeatable: boolean, isWorthIt: boolean): void {
    // An error may end several attempts: the other ones of a hedge are aborted with that of the one that has failed.
    const verdict: Verdict = this.#of.get(end) ?? (isWorthIt ? "again" : "vain");
    this.#of.set(end, isRepeatable ? verdict : "never");
  }

  /** Whether the request may be sent again, and if `given` does not decide, whether that is worth it. */
  allows(outcome: Outcome, given: ((outcome: Outcome) => unknown) | undefined): boolean {
    const end: unknown = outcome.status === "fulfilled" ? outcome.value : outcome.reason;
    const verdict = typeof end === "object" && end !== null ? this.#of.get(end) : undefined;
    if (verdict === "never") return false;
    if (given !== undefined) return given(outcome) as boolean;
    // Without a verdict nothing was sent: a policy has refused it.
    return verdict === undefined ? isRetryable(outcome) : verdict === "again";
  }
}
