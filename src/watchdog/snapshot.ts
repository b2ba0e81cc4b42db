import type { Snapshot } from "../kernel/component.js";
import type { NotCountedInfo, RecoverInfo, TimeoutInfo } from "./timeout-info.js";

/** The events of a {@link Watchdog}. */
export interface WatchdogEvents {
  readonly timeout: TimeoutInfo;
  readonly recover: RecoverInfo;
  /** It would have been a timeout if all time counted. */
  readonly notCounted: NotCountedInfo;
}

/** Counts and times of one watchdog; times are seconds on the monotonic clock (`performance.now() / 1000`). */
export interface WatchdogStats {
  readonly pingsTotal: number;
  readonly timeoutsTriggered: number;
  /** When the last ping was first seen, to the precision of `pollInterval`; `null` before the first. */
  readonly lastPingTime: number | null;
  /** When `start()` was called last; `null` before. */
  readonly startTime: number | null;
  /** Seconds since `start()`, or from `start()` to `stop()`; 0 before. */
  readonly uptime: number;
}

/** The state of a {@link Watchdog}. */
export interface WatchdogSnapshot extends Snapshot, WatchdogStats {
  readonly kind: "watchdog";
  readonly isRunning: boolean;
  readonly isTriggered: boolean;
  /** Seconds. */
  readonly timeout: number;
  readonly secondsSincePing: number;
}
