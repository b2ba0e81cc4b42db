import { processFate } from "../heartbeat-file/process-identity.js";
import { readFileSync } from "../heartbeat-file/read-file.js";
import { defaultMaxAge, type HeartbeatCheck, judge } from "../heartbeat-file/verdict.js";
import type { Clock } from "../kernel/clock.js";

/** What a heartbeat file says at one moment. */
export interface Look extends HeartbeatCheck {
  readonly file: string;
  /** The age up to which it counts as alive, in seconds. */
  readonly maxAge: number;
}

/**
 * Reads and judges a heartbeat file by its absolute path; never throws. `maxAge` is in milliseconds; by default three of
 * the file's intervals.
 */
export function lookAt(file: string, maxAge: number | undefined, clock: Clock): Look {
  const found = lookOnce(file, maxAge, clock);
  // It may have written that it stops, and ended, after the file was read.
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
  // By what will be shown: 9.96 is rounded to 10.
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
