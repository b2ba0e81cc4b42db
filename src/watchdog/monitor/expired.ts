import type { WatchOrder } from "../monitor-protocol.js";
import type { TimeoutDetails } from "../timeout-info.js";
import type { WatchCells } from "../watch-cells.js";

/** A watchdog that has timed out. */
export interface Expired {
  readonly order: WatchOrder;
  readonly cells: WatchCells;
  readonly pings: number;
  /** When it was found, by the clock of the watched thread. */
  readonly at: number;
  readonly secondsInactive: number;
  /** What was not counted. */
  readonly details: TimeoutDetails;
}
