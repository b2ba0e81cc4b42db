import type { WatchdogSettings } from "./options.js";
import type { NotCountedInfo, TimeoutInfo } from "./timeout-info.js";
import type { WatchCells } from "./watch-cells.js";

/** What supervision needs of a watchdog. */
export interface Subject {
  readonly settings: WatchdogSettings;
  readonly cells: WatchCells;
  /** Told of a timeout, the count of pings at which it was found, and when, by the thread's own clock. */
  readonly expired: (pings: number, at: number, info: TimeoutInfo) => void;
  /** Told of time that was left out and would else have been a timeout. */
  readonly notCounted: (info: NotCountedInfo) => void;
  /** Told that the supervision has ended on its own. */
  readonly lost: () => void;
}

/** Who looks at a watchdog's counters and keeps the time. */
export interface Supervision {
  /** The counters by which frozen synchronous code is interrupted, where that is possible. */
  readonly interruptible?: Int32Array | undefined;
  /** Delivers at once what has been found and not been told yet. */
  catchUp(): void;
  end(): void;
}
