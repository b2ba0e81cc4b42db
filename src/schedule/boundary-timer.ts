import type { Clock, Timer } from "../kernel/clock.js";
import type { Boundaries } from "./boundaries.js";

/**
 * The longest time between two looks at the wall clock, in milliseconds: timers are monotonic, and do not notice that it
 * was set or that the machine slept.
 */
const LONGEST_LOOK = 60_000;

const DAY = 86_400_000;

/** Which boundaries have been reached, `margin` before each; all of it in milliseconds. */
export class Reached {
  readonly #boundaries: Boundaries;
  readonly #longestBack: number;
  #last: number;

  /** @param last the boundary that was reached last. */
  constructor(boundaries: Boundaries, every: number, last: number) {
    this.#boundaries = boundaries;
    this.#longestBack = Math.max(every, DAY);
    this.#last = last;
  }

  /** The first boundary that is yet to come. */
  get next(): number {
    return this.#boundaries.after(this.#last);
  }

  /**
   * The last boundary up to `instant`, and how many before it were passed, if it was not reached before; otherwise
   * `undefined`. When the clock was set back, those that were reached already are not reached again; unless the last one
   * is more than a day, and more than a step, ahead: then the time before was wrong.
   */
  look(instant: number): { readonly boundary: number; readonly missed: number } | undefined {
    const boundary = this.#boundaries.upTo(instant);
    const last = this.#last;
    if (boundary <= last) {
      if (last - instant > this.#longestBack) this.#last = boundary;
      return undefined;
    }
    this.#last = boundary;
    return { boundary, missed: this.#boundaries.count(last, boundary) - 1 };
  }
}

/** Calls `due` once for each boundary, until cancelled. */
export function everyBoundary(
  clock: Clock,
  boundaries: Boundaries,
  { every, margin, ref }: { readonly every: number; readonly margin: number; readonly ref: boolean },
  due: (boundary: number, missed: number) => void,
): Timer {
  // One that is no more than the margin away counts as reached: otherwise a loop of waits would find it again.
  const reached = new Reached(boundaries, every, boundaries.upTo(clock.wallNow() + margin));
  let timer: Timer;
  const look = (): void => {
    const found = reached.look(clock.wallNow() + margin);
    arm();
    if (found !== undefined) due(found.boundary, found.missed);
  };
  const arm = (): void => {
    const delay = reached.next - margin - clock.wallNow();
    timer = clock.setTimer(look, Math.min(Math.max(0, delay), LONGEST_LOOK), { ref });
  };
  arm();
  return { cancel: () => timer.cancel() };
}
