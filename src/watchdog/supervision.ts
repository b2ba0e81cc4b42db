import type { OnFreeze } from "./options.js";
import type { TimeoutInfo } from "./timeout-info.js";
import type { WatchCells } from "./watch-cells.js";

/** A timeout as it was found, before the watchdog has made it its own. */
export interface Expiry {
  /** The period it belongs to. */
  readonly epoch: number;
  /** The count of pings at which it was found. */
  readonly pings: number;
  readonly info: TimeoutInfo;
}

/** What supervision needs of a watchdog; durations in milliseconds. */
export interface Subject {
  readonly name: string;
  readonly timeout: number;
  readonly pollInterval: number | undefined;
  readonly onFreeze: OnFreeze;
  readonly exitCode: number;
  readonly cells: WatchCells;
  expired(expiry: Expiry): void;
}

/** Who looks at a watchdog's counters and keeps the time. */
export interface Supervision {
  /** Whether frozen synchronous code of this thread can be interrupted. */
  readonly canInterrupt: boolean;
  /** Since when (by the watchdog's clock, in milliseconds) the count of pings has been seen as it is. */
  observed(): { readonly pings: number; readonly at: number };
  /** Delivers at once what has been found and not been told yet. */
  catchUp(): void;
  /** Keeps the process alive until disposed of. */
  hold(): Disposable;
  end(): void;
}
