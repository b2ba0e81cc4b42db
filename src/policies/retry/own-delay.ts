import { parseDuration } from "../../kernel/duration.js";
import type { Outcome } from "../../kernel/outcome.js";
import { fraction } from "../../kernel/rules.js";
import { warn } from "../../kernel/warning.js";
import { backoff } from "./backoff.js";
import { defaultBackoff, type DelaySetting, type RetrySettings } from "./options.js";

/**
 * The delay after an attempt by the policy's own settings, in milliseconds; the default if the application's functions
 * fail.
 *
 * @param previous the delay before the attempt, in milliseconds; `undefined` for the first.
 */
export function ownDelay(
  { name, delay, random = Math.random }: RetrySettings,
  attempt: number,
  previous: number | undefined,
  outcome: Outcome,
): number {
  try {
    if (typeof delay !== "function") return backoff(delay, attempt, previous, fraction(random()));
    const previousDelay = previous === undefined ? undefined : previous / 1000;
    return parseDuration(delay({ attempt, outcome, previousDelay }), "delay", { zero: true, long: true });
  } catch (error) {
    warn("KSTLIB_DELAY_FAILED", `delay or random of retry "${name}" failed; the default is used`, error);
    return backoff(defaultBackoff, attempt, previous, Math.random());
  }
}

/** The shortest delay that it can be, in milliseconds; 0 for a function of the application. */
export function leastDelay(setting: DelaySetting): number {
  return typeof setting === "function" ? 0 : backoff(setting, 1, undefined, 0);
}
