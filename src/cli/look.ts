import { processFate } from "../heartbeat-file/process-identity.js";
import { readFileSync } from "../heartbeat-file/read-file.js";
import { defaultMaxAge, type HeartbeatCheck, judge } from "../heartbeat-file/verdict.js";
import type { Clock } from "../kernel/clock.js";

/** The result of reading a heartbeat file, or an instance in Redis. */
export interface Look extends Omit<HeartbeatCheck, "reason"> {
  /** The path of the file, or the address in Redis. */
  readonly file: string;
  /** Why there is no state. */
  readonly reason?: string;
  /** The age in seconds up to which the heartbeat counts as alive. */
  readonly maxAge: number;
}

/**
 * Reads and judges a heartbeat file, given its absolute path; never throws. `maxAge` is in milliseconds; by default
 * three times the interval in the file.
 */
export function lookAt(file: string, maxAge: number | undefined, clock: Clock): Look {
  const found = lookOnce(file, maxAge, clock);
  // The process may have written `stopped` and exited after the file was read.
  return found.status === "dead" ? lookOnce(file, maxAge, clock) : found;
}

function lookOnce(file: string, maxAge: number | undefined, clock: Clock): Look {
  const { state, reason } = readFileSync(file);
  const now = clock.wallNow();
  const limit = maxAge ?? defaultMaxAge(state);
  const fate = state === null ? "unknown" : processFate(state, now);
  return { ...judge(state, fate, now, limit, reason), file, maxAge: limit / 1000 };
}

/** Seconds in a short form: `0.4s`, `42s`, `3m20s`, `2h05m`, `12d3h`. */
export function shortSeconds(seconds: number): string {
  const sign = seconds < 0 ? "-" : "";
  const length = Math.abs(seconds);
  // 9.95 and more would be rounded to 10.0.
  if (length < 9.95) return `${sign}${length.toFixed(1).replace(/\.0$/, "")}s`;
  const whole = Math.round(length);
  const [days, hours, minutes, rest] = [
    Math.floor(whole / 86_400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60,
    whole % 60,
  ];
  const two = (amount: number, unit: string): string =>
    amount === 0 ? "" : `${String(amount).padStart(2, "0")}${unit}`;
  if (days > 0) return `${sign}${days}d${hours === 0 ? "" : `${hours}h`}`;
  if (hours > 0) return `${sign}${hours}h${two(minutes, "m")}`;
  if (minutes > 0) return `${sign}${minutes}m${two(rest, "s")}`;
  return `${sign}${rest}s`;
}

/** Why a heartbeat has its status, in a few words; empty if there is nothing to add. */
export function reasonOf({ status, age, state, maxAge, reason }: Look): string {
  switch (status) {
    case "alive":
      return state?.status === "starting" || state?.status === "draining" ? state.status : "";
    case "stale":
      return `over ${shortSeconds(maxAge)}`;
    case "dead":
      return "process gone";
    case "frozen":
      return "event loop blocked";
    case "unknown":
      return reason ?? `${shortSeconds(-(age ?? 0))} in the future`;
    case "stopped":
      return "";
  }
}
