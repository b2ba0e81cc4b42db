import { ResilienceError } from "./errors.js";
import { isError } from "./is-error.js";
import type { LogLevel, LogLine, LogRule } from "./log-rule.js";

/** The rule of an event. */
export function logged<Payload>(level: LogLevel, line: (payload: Payload) => LogLine): LogRule<Payload> {
  return { level, line };
}

/** What may be logged of an error: its class and code, and the message only if this package wrote it. */
export function toldError(error: unknown): LogLine["fields"] & object {
  if (!isError(error)) return {};
  const code: unknown = Reflect.get(error, "code");
  return {
    error: error.name,
    code: typeof code === "string" || typeof code === "number" ? code : undefined,
    ...(error instanceof ResilienceError ? { errorMessage: error.message } : {}),
  };
}

/** The error that was thrown; nothing for a returned value. */
export function toldOutcome(
  outcome: { readonly status: string; readonly reason?: unknown } | undefined,
): LogLine["fields"] & object {
  return outcome?.status === "rejected" ? toldError(outcome.reason) : {};
}

/** Seconds as people read them. */
export function told(seconds: number): string {
  return seconds === Infinity ? "no known time" : `${Number(seconds.toPrecision(3))} s`;
}
