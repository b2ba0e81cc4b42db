import type { LeftOut, Watch } from "./deadline.js";
import type { NotCountedKind } from "./timeout-info.js";

/** After this many milliseconds without one, the next time without a CPU is news again. */
const QUIET = 60_000;

/**
 * Says what has spared a watchdog a timeout: without leaving time out it would have timed out by now.
 *
 * @param left what was left out since the period began.
 */
export function sparedBy(
  { told, since }: Watch,
  timeout: number,
  { starved, suspended }: LeftOut,
  now: number,
): NotCountedKind | undefined {
  const counted = now - since;
  if (told !== "nothing" || counted >= timeout || counted + starved + suspended < timeout) return undefined;
  return suspended >= starved ? "suspended" : "starved";
}

/**
 * Tells news from more of the same: a stop is news once before the next ping; a lack of CPU, which goes on from
 * ping to ping, only after a minute (or a timeout, if that is longer) without it.
 */
export class NotCountedEpisodes {
  readonly #quiet: number;
  #starvedUntil = -Infinity;
  #toldOfStop: number | undefined;

  constructor(timeout: number) {
    this.#quiet = Math.max(QUIET, timeout);
  }

  /** @param now milliseconds on a clock that never stands still. */
  isNew(kind: NotCountedKind, pings: number, now: number): boolean {
    if (kind === "suspended") {
      const isNew = this.#toldOfStop !== pings;
      this.#toldOfStop = pings;
      return isNew;
    }
    const isNew = now >= this.#starvedUntil;
    this.#starvedUntil = now + this.#quiet;
    return isNew;
  }
}
