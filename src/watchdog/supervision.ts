import type { WatchdogSettings } from "./options.js";
import type { NotCountedInfo, TimeoutInfo } from "./timeout-info.js";
import type { WatchCells } from "./watch-cells.js";

/** A watchdog as its supervision sees it. */
export interface Subject {
  readonly settings: WatchdogSettings;
  readonly cells: WatchCells;
  /** Called with a timeout, the count of pings at which it was found, and when, by the thread's own clock. */
  readonly expired: (pings: number, at: number, info: TimeoutInfo) => void;
  /** Called when time was not counted that would otherwise have been a timeout. */
  readonly notCounted: (info: NotCountedInfo) => void;
  /** Called when the monitor has crashed. */
  readonly lost: () => void;
}

/** What finds the timeouts of a watchdog. */
export interface Supervision {
  /** The counters with the guard of synchronous code, where that can be interrupted. */
  readonly interruptible?: Int32Array | undefined;
  /** Delivers at once what has been found but not reported yet. */
  catchUp(): void;
  end(): void;
}
