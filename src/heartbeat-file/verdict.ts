import type { UnreadableReason } from "./read-file.js";
import type { HeartbeatState } from "./state.js";
import { parseTimestamp } from "./timestamp.js";

/**
 * The verdict on a state file:
 *
 * - `alive`: the last beat is recent enough (also while `starting` or `draining`);
 * - `stale`: the last beat is older than `maxAge`: the process hangs, cannot write the file, or died on another host;
 * - `stopped`: the heartbeat was stopped by `stop()`;
 * - `frozen`: the process's own monitor found its event loop blocked, and there has been no beat since;
 * - `dead`: on this host the process is gone, or its pid belongs to a later process;
 * - `unknown`: no file, not a heartbeat, or a timestamp more than 5 s in the future.
 */
export type HeartbeatVerdict = "alive" | "stale" | "stopped" | "frozen" | "dead" | "unknown";

/** The result of `Heartbeat.check`. */
export interface HeartbeatCheck {
  readonly status: HeartbeatVerdict;
  /** Seconds since the last beat, slightly negative when the writer's clock is ahead; `null` without a state. */
  readonly age: number | null;
  readonly state: HeartbeatState | null;
  /** Why there is no state; missing if there is one. */
  readonly reason?: UnreadableReason;
}

/** What this host knows about the process that wrote a state. */
export type ProcessFate = "running" | "gone" | "unknown";

/** How far a timestamp may lie in the future, in milliseconds, because the clocks of two hosts differ. */
export const CLOCK_SKEW = 5000;

const BEATS_MISSED = 3;
/** The default interval, for a file that has none. */
const INTERVAL = 10;

function decide(state: HeartbeatState, age: number, fate: ProcessFate, maxAge: number): HeartbeatVerdict {
  if (state.status === "stopped") return "stopped";
  if (fate === "gone") return "dead";
  if (state.status === "frozen") return "frozen";
  if (age < -CLOCK_SKEW) return "unknown";
  return age > maxAge ? "stale" : "alive";
}

/** The default `maxAge` in milliseconds: three intervals, or 30 s if the file has no interval. */
export function defaultMaxAge(state: Pick<HeartbeatState, "interval"> | null): number {
  return (state?.interval ?? INTERVAL) * BEATS_MISSED * 1000;
}

/** Judges a state whose last beat was `age` milliseconds ago; `reason` says why there is no state. */
export function judgeAge(
  state: HeartbeatState | null,
  age: number,
  maxAge: number,
  fate: ProcessFate = "unknown",
  reason?: UnreadableReason,
): HeartbeatCheck {
  if (state === null) {
    return Object.freeze({
      status: "unknown",
      age: null,
      state,
      ...(reason === undefined ? {} : { reason }),
    });
  }
  return Object.freeze({ status: decide(state, age, fate, maxAge), age: age / 1000, state });
}

/** Judges a state at wall-clock time `now`. `maxAge` and `now` are milliseconds. */
export function judge(
  state: HeartbeatState | null,
  fate: ProcessFate,
  now: number,
  maxAge: number = defaultMaxAge(state),
  reason?: UnreadableReason,
): HeartbeatCheck {
  const age = state === null ? Number.NaN : now - parseTimestamp(state.timestamp);
  return judgeAge(state, age, maxAge, fate, reason);
}
