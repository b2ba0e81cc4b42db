import type { Snapshot } from "../kernel/component.js";
import type { Verdict } from "../kernel/judge.js";
import type { CircuitOpenError } from "./errors.js";
import type { CircuitMode } from "./options.js";
import type { TripFigures } from "./trip-rule.js";

/** What a circuit does with calls: lets them through, refuses them, tries a few, refuses them by hand. */
export type CircuitState = "closed" | "open" | "half-open" | "isolated";

/** Totals over the lifetime of a circuit breaker; `reset()` leaves them alone. */
export interface CircuitStats {
  /** Calls asked for: the sum of the four below and those under way. */
  readonly totalCalls: number;
  readonly successfulCalls: number;
  readonly failedCalls: number;
  /** Calls refused without being made. */
  readonly rejectedCalls: number;
  /** Calls that ended in an excluded error or a refusal from inside, were aborted by the caller, or whose permit was released. */
  readonly ignoredCalls: number;
  /** Calls that would have been refused in mode `"enforce"`, and were made; they are also counted by how they ended. */
  readonly wouldRejectCalls: number;
  readonly stateChanges: number;
  /** What the trip rule counts at this moment, for each of its parts; empty without a rule, or while it is not closed. */
  readonly window: readonly TripFigures[];
}

/** The state of a circuit breaker at one moment. */
export interface CircuitSnapshot extends Snapshot {
  readonly kind: "circuit-breaker";
  readonly state: CircuitState;
  readonly mode: CircuitMode;
  readonly failureCount: number;
  /** Seconds until an open circuit admits a probe; `null` in every other state. */
  readonly remainingSeconds: number | null;
  readonly stats: CircuitStats;
}

/**
 * Why a circuit changed its state. `tripped`: the trip rule; `reset-timeout`: it has been open long enough;
 * `recovered`: the probes succeeded; `probe-failed`, `probe-timeout`: one of them did not; `reset`, `isolated`,
 * `released` and `restored`: by hand.
 */
export type CircuitStateReason =
  | "tripped"
  | "reset-timeout"
  | "recovered"
  | "probe-failed"
  | "probe-timeout"
  | "reset"
  | "isolated"
  | "released"
  | "restored";

/** The state of a circuit as plain JSON; see `CircuitBreaker.export`. */
export interface CircuitExport {
  readonly version: 1;
  readonly state: "closed" | "open";
  readonly failureCount: number;
  readonly reopenings: number;
  /** Seconds until an open circuit admits a probe, as of `exportedAt`. */
  readonly remainingSeconds: number;
  /** Milliseconds since 1970, by the wall clock: the only one that continues across restarts. */
  readonly exportedAt: number;
}

/** The events of a circuit breaker and what their listeners get. */
export interface CircuitBreakerEvents {
  stateChange: {
    readonly from: CircuitState;
    readonly to: CircuitState;
    readonly reason: CircuitStateReason;
  };
  /**
   * A call succeeded. `late`: it was admitted before the last state change, and counts in the totals alone, unless it
   * is a probe that took longer than `probeTimeout`.
   */
  success: { readonly value: unknown; readonly late: boolean };
  /** A call failed: `error` is what it threw, or the returned value that `isFailure` judged. */
  failure: { readonly error: unknown; readonly late: boolean };
  /** A call was refused. */
  rejected: { readonly error: CircuitOpenError };
  /** A call would have been refused in mode `"enforce"`; `error` is what its caller would have got. */
  wouldReject: { readonly error: CircuitOpenError };
  /** A call says nothing: `error` is the excluded error, the refusal from inside or the reason of the abort, where there is one. */
  ignored: { readonly error: unknown };
  /** An admitted call has ended, after `seconds`. Calls that began when nobody listened may be left out. */
  settled: { readonly verdict: Verdict; readonly seconds: number };
}
