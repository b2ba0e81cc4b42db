import type { Snapshot } from "../kernel/component.js";
import type { CircuitOpenError } from "./errors.js";

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
  readonly stateChanges: number;
}

/** What a circuit breaker says of itself at one moment. */
export interface CircuitSnapshot extends Snapshot {
  readonly kind: "circuit-breaker";
  readonly state: CircuitState;
  readonly failureCount: number;
  /** Seconds until an open circuit admits a probe; `null` in every other state. */
  readonly remainingSeconds: number | null;
  readonly stats: CircuitStats;
}

/**
 * Why a circuit changed its state. `tripped`: the trip rule; `reset-timeout`: it has been open long enough;
 * `recovered`: the probes succeeded; `probe-failed`, `probe-timeout`: one of them did not; `reset`, `isolated`
 * and `released`: by hand.
 */
export type CircuitStateReason =
  | "tripped"
  | "reset-timeout"
  | "recovered"
  | "probe-failed"
  | "probe-timeout"
  | "reset"
  | "isolated"
  | "released";

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
}
