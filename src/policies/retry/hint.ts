import { isError } from "../../kernel/is-error.js";
import type { Outcome } from "../../kernel/outcome.js";
import { isRefusal } from "../../kernel/refusal.js";
import { retryAfterSeconds } from "../../kernel/retry-after.js";

/** The messages of a `fetch` that failed in Node, Chrome, Firefox, Safari and Deno: a TypeError that is not a mistake. */
const FETCH_FAILURE =
  /^(?:fetch failed|terminated|Failed to fetch|NetworkError when|Load failed|The network connection was lost|error sending request)/;

/** Programming mistakes, by name: each realm has its own classes. */
const MISTAKES: ReadonlySet<unknown> = new Set(["RangeError", "SyntaxError", "ReferenceError"]);

function isMistake(reason: unknown): boolean {
  if (!isError(reason)) return false;
  return MISTAKES.has(reason.name) || (reason.name === "TypeError" && !FETCH_FAILURE.test(reason.message));
}

/** Whether an outcome is worth another attempt, unless the application decides. */
export function isRetryable(outcome: Outcome): boolean {
  if (outcome.status === "fulfilled") return false;
  const { reason } = outcome;
  if (isRefusal(reason)) return Number.isFinite(reason.retryAfter);
  // The function's own signal was aborted: the work was given up.
  return !(isError(reason) && reason.name === "AbortError") && !isMistake(reason);
}

/** Whether it is a refusal by a policy, with this code if one is given. */
export function isRefused(outcome: Outcome, code?: string): boolean {
  if (outcome.status === "fulfilled" || !isRefusal(outcome.reason)) return false;
  return code === undefined || outcome.reason.code === code;
}

/** Milliseconds that an outcome asks to wait; 0 if it does not. Its contents are data from outside: never throws. */
export function requestedDelay(outcome: Outcome): number {
  try {
    const given: unknown = outcome.status === "fulfilled" ? outcome.value : outcome.reason;
    if (typeof given !== "object" || given === null) return 0;
    const own: unknown = outcome.status === "rejected" ? Reflect.get(given, "retryAfter") : undefined;
    // The response of an HTTP client's error.
    const response: unknown = outcome.status === "rejected" ? Reflect.get(given, "response") : given;
    // A number or a list would be read as the value of a header.
    const isResponse = typeof response === "object" && !Array.isArray(response);
    const seconds = typeof own === "number" ? own : isResponse ? retryAfterSeconds(response) : undefined;
    return seconds !== undefined && seconds > 0 ? seconds * 1000 : 0;
  } catch {
    return 0;
  }
}

/** Cancels the body of an unread response that nobody gets, which would keep its connection in use. */
export function discard(outcome: Outcome): void {
  if (outcome.status === "rejected") return;
  const { value } = outcome as { readonly value: { readonly body?: unknown } | null | undefined };
  try {
    const body = value?.body as { readonly locked?: unknown; cancel?(): unknown } | null | undefined;
    if (body?.locked !== false || typeof body.cancel !== "function") return;
    Promise.resolve(body.cancel()).catch(() => {});
  } catch {
    // A body that cannot be cancelled is left as it is.
  }
}
