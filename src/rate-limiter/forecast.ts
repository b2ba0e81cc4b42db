import { fullAfter, isLate, type Limits, waitFor } from "./bucket.js";
import type { Place } from "./queue.js";

/** Where a line will be once everybody in it has had a turn. */
export interface LineEnd {
  /** When the bucket will be full, as {@link fullAfter} counts. */
  readonly full: number;
  /** The last turn. */
  readonly start: number;
}

/**
 * Goes through a line as if time passed, from the first possible turn on. `drop` gets those whose turn comes
 * too late or never, and what follows is reckoned without them.
 */
export function foresee(
  head: Place | undefined,
  fullAt: number,
  firstTurn: number,
  limits: Limits,
  drop?: (place: Place, turn: number) => void,
): LineEnd {
  let full = fullAt;
  let start = firstTurn;
  let next: Place | undefined;
  for (let place = head; place !== undefined; place = next) {
    // Read before `drop`, which may take the place out of the line.
    next = place.after;
    const { cost, promised } = place;
    if (place.turn === undefined) {
      start = Math.max(start, promised);
      full = fullAfter(full, cost, promised, limits);
      continue;
    }
    const turn = start + waitFor(full, cost, start, limits);
    if (drop !== undefined && (cost > limits.burst || isLate(turn, place.deadline, limits))) {
      drop(place, turn);
    } else {
      start = turn;
      full = fullAfter(full, cost, turn, limits);
    }
  }
  return { full, start };
}
