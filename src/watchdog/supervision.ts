import type { WatchdogSettings } from "./options.js";
import type { NotCountedInfo, TimeoutInfo } from "./timeout-info.js";
import type { WatchCells } from "./watch-cells.js";

/** What supervision needs of a watchdog. */
export interface Subject {
  readonly settings: WatchdogSettings;
  readonly cells: WatchCells;
  /** Called with a timeout, the count of pings at which it was found, and when, by the thread's own clock. */
  readonly expired: (pings: number, at: number, info: TimeoutInfo) => void;
  /** Called with time that was left out and would otherwise have been a timeout. */
  readonly notCounted: (info: NotCountedInfo) => void;
  /** Called when the supervision has ended on its own. */
  readonly lost: () => void;
}

/** Looks at a watchdog's counters and keeps the time. */
export interface Supervision {
  /** The counters by which frozen synchronous code is interrupted, where that is possible. */
  readonly interruptible?: Int32Array | undefined;
  /** Delivers at once what has been found but not reported yet. */
  catchUp(): void;
  end(): void;
}
