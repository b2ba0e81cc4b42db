import type { Snapshot } from "../../kernel/component.js";
import type { BulkheadFullError } from "./errors.js";

/** Totals over the lifetime of a bulkhead. */
export interface BulkheadStats {
  /** Calls that were asked for. */
  readonly totalCalls: number;
  /** Calls that were refused. */
  readonly rejectedCalls: number;
  /** Calls that had to wait, whatever became of them. */
  readonly queuedCalls: number;
}

/** What a bulkhead says of itself at one moment. */
export interface BulkheadSnapshot extends Snapshot {
  readonly kind: "bulkhead";
  readonly maxConcurrent: number;
  readonly maxQueue: number;
  readonly running: number;
  readonly queued: number;
  readonly stats: BulkheadStats;
}

/** The events of a bulkhead and what their listeners get. */
export interface BulkheadEvents {
  /** A call was refused. */
  rejected: { readonly error: BulkheadFullError };
}
