import type { Snapshot } from "../../kernel/component.js";
import type { Outcome } from "../../kernel/outcome.js";

/** Totals over the lifetime of a hedge. */
export interface HedgeStats {
  readonly totalCalls: number;
  /** Attempts after the first ones. */
  readonly hedges: number;
  /** Calls whose result came from one of these. */
  readonly wonByHedge: number;
  /** Extra attempts that the budget did not allow. */
  readonly suppressed: number;
}

/** The state of a hedge at one moment. */
export interface HedgeSnapshot extends Snapshot {
  readonly kind: "hedge";
  /** Seconds after which another attempt starts. */
  readonly delay: number;
  /** Calls under way. */
  readonly running: number;
  readonly stats: HedgeStats;
}

/** The events of a hedge and what their listeners get. */
export interface HedgeEvents {
  /** Another attempt starts, because the last one is slow or has failed with `outcome`. */
  hedge: { readonly attempt: number; readonly outcome: Outcome | undefined };
  /** An attempt after the first one has given the result. */
  won: { readonly attempt: number };
  /** The budget allows no other attempt. */
  suppressed: { readonly attempts: number };
}
