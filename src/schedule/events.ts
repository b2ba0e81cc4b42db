import type { Snapshot } from "../kernel/component.js";

/** A boundary that was reached. */
export interface Boundary {
  readonly boundary: Date;
  /** How many boundaries were passed since the one before that was told: 0, unless something was late or stood still. */
  readonly missed: number;
}

/** The events of {@link TimeTrigger}. */
export interface TimeTriggerEvents {
  /** A callback of `onBoundary` is about to be called. */
  readonly boundary: Boundary;
  /** A boundary came while a callback of `onBoundary` was still running for another. */
  readonly overrun: { readonly boundary: Date };
  /** A callback of `onBoundary` threw or rejected. Without a listener it is a warning. */
  readonly error: { readonly boundary: Date; readonly error: unknown };
}

export const EVENT_NAMES = ["boundary", "overrun", "error"] as const;

/** Counts of all callbacks of a trigger since it was created. */
export interface TimeTriggerStats {
  /** Calls of callbacks. */
  readonly calls: number;
  /** Boundaries for which a callback was not called, because the timer was late, the process or machine stood still, or the clock was set. */
  readonly missed: number;
  /** Boundaries that came while the callback was still running. */
  readonly overruns: number;
  /** Calls that threw or rejected. */
  readonly failures: number;
  /** The boundary of the last call, as an ISO string. */
  readonly lastBoundary: string | null;
}

/** What {@link TimeTrigger.snapshot} returns. */
export interface TimeTriggerSnapshot extends Snapshot {
  readonly kind: "schedule";
  /** Seconds. */
  readonly every: number;
  readonly timezone: string;
  /** Seconds. */
  readonly offset: number;
  /** An ISO string. */
  readonly nextBoundary: string;
  /** How many callbacks of `onBoundary` there are. */
  readonly callbacks: number;
  readonly stats: TimeTriggerStats;
}
