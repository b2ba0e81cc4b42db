import type { FreezeLink } from "../../heartbeat-file/freeze-link.js";
import type { OnFreeze } from "../options.js";
import type { WatchCells } from "../watch-cells.js";

/** A watchdog whose thread is frozen. */
export interface Frozen {
  readonly id: number;
  readonly name: string;
  readonly pings: number;
  /** When it was found, by the clock of the watched thread. */
  readonly at: number;
  readonly secondsInactive: number;
  readonly cells: WatchCells;
  readonly onFreeze: OnFreeze;
  readonly exitCode: number;
  readonly reportDirectory: string | undefined;
  readonly maxReports: number;
  readonly link: FreezeLink | undefined;
  readonly secondsNotCounted: number;
}
