import type { LeftOut, Watch } from "../deadline.js";
import type { NotCountedKind, TimeoutDetails } from "../timeout-info.js";

/** After this many milliseconds without starvation, the next starvation is reported again. */
const QUIET = 60_000;

/**
 * What has kept a watchdog from timing out, if it would have timed out by now with all time counted.
 *
 * @param left what was left out since the period began.
 */
function kindOfNotCounted(
  { reported, since }: Watch,
  timeout: number,
  { starved, suspended }: LeftOut,
  now: number,
): NotCountedKind | undefined {
  const counted = now - since;
  if (reported !== "nothing" || counted >= timeout || counted + starved + suspended < timeout)
    return undefined;
  return suspended >= starved ? "suspended" : "starved";
}

/** One look at a watchdog. */
export interface NotCountedLook {
  /** As it was before this look. */
  readonly watch: Watch;
  /** The count as it is now. */
  readonly pings: number;
  /** What was left out since the period began. */
  readonly left: LeftOut;
  /** Milliseconds that count. */
  readonly counted: number;
  /** Milliseconds on a clock that never stands still. */
  readonly now: number;
}

/**
 * Decides when to report that time was not counted: when the ping has come after all, or when that time alone is as long
 * as the timeout. A stop is reported once before the next ping. Starvation, which can go on from ping to ping, is
 * reported again only after a minute (or a timeout, if that is longer) without it.
 */
export class NotCountedEpisodes {
  readonly #timeout: number;
  readonly #quiet: number;
  #starvedUntil = -Infinity;
  /** The count of the period in which a watchdog that counts all time would have timed out. */
  #due: number | undefined;
  #reportedStop: number | undefined;

  constructor(timeout: number) {
    this.#timeout = timeout;
    this.#quiet = Math.max(QUIET, timeout);
  }

  /** What to report now. */
  look({ watch, pings, left, counted, now }: NotCountedLook): NotCountedKind | undefined {
    const kind = kindOfNotCounted(watch, this.#timeout, left, counted);
    if (kind === undefined) return undefined;
    const isOver = pings !== watch.pings;
    // A ping may have come at any time since the last look; after a stop it comes at once.
    if (!isOver || kind === "suspended") this.#due = watch.pings;
    const isTime = isOver ? this.#due === watch.pings : left[kind] >= this.#timeout;
    return isTime && this.#isNew(kind, watch.pings, now) ? kind : undefined;
  }

  #isNew(kind: NotCountedKind, pings: number, now: number): boolean {
    if (kind === "suspended") {
      const isNew = this.#reportedStop !== pings;
      this.#reportedStop = pings;
      return isNew;
    }
    const isNew = now >= this.#starvedUntil;
    this.#starvedUntil = now + this.#quiet;
    return isNew;
  }
}

/** The detail of a timeout; from 0.1 s on, because every wait takes a little too long. */
export function notCounted(secondsNotCounted: number): TimeoutDetails {
  return secondsNotCounted < 0.1 ? {} : { secondsNotCounted };
}
