import { parseDuration } from "../kernel/duration.js";
import { fraction } from "../kernel/rules.js";
import { warn } from "../kernel/warning.js";
import type { Limits } from "./machine.js";
import type { CircuitBreakerSettings, ResetTimeoutInfo } from "./options.js";

/** The limits for the machine, from the settings. */
export function limitsOf(settings: CircuitBreakerSettings, openFor: Limits["openFor"]): Limits {
  const { maxFailures, halfOpen, resetTimeout, trip } = settings;
  const { calls, failureRate } = halfOpen ?? { calls: settings.halfOpenMaxCalls, failureRate: 0 };
  return {
    maxFailures,
    halfOpenMaxCalls: calls,
    halfOpenFailures: Math.max(1, Math.ceil(calls * failureRate)),
    probeTimeout: settings.probeTimeout ?? resetTimeout.initial,
    trip,
    openFor,
  };
}

/** Milliseconds that a circuit stays open. If the application's function fails, a warning reports it and a default applies. */
export function timeOpen(
  { resetTimeout, jitter, random = Math.random }: CircuitBreakerSettings,
  label: string,
  info: ResetTimeoutInfo,
): number {
  const { initial, factor, max, by } = resetTimeout;
  const attempt = <Value>(what: string, get: () => Value, instead: Value): Value => {
    try {
      return get();
    } catch (error) {
      warn("KSTLIB_DELAY_FAILED", `${what} of ${label} failed; the default is used`, error);
      return instead;
    }
  };
  const time =
    by === undefined
      ? Math.min(max, initial * factor ** info.reopenings)
      : attempt("resetTimeout", () => parseDuration(by(info), "what it returns", { long: true }), initial);
  if (jitter === 0) return time;
  return time * (1 + jitter * attempt("random", () => fraction(random()), Math.random()));
}
