import { fullAfter, isLate, type Limits, waitFor } from "./bucket.js";
import type { Booking, Waiter } from "./queue.js";

/** Where a line will be once everybody in it has had a turn. */
export interface LineEnd {
  /** When the bucket will be full, as {@link fullAfter} counts. */
  readonly full: number;
  /** The last turn. */
  readonly start: number;
}

/**
 * Goes through a line as if time passed, from `end` on. `drop` gets those whose turn comes too late or never,
 * and what follows is reckoned without them. Bookings up to `bookingsFirst` come before all waiters.
 */
export function foresee(
  { full, start }: LineEnd,
  limits: Limits,
  firstWaiter: Waiter | undefined,
  firstBooking: Booking | undefined,
  bookingsFirst: number,
  drop?: (waiter: Waiter, turn: number) => void,
): LineEnd {
  let booking = firstBooking;
  const bookUpTo = (order: number): void => {
    for (; booking && booking.order < order; booking = booking.after) {
      start = Math.max(start, booking.promised);
      full = fullAfter(full, booking.cost, booking.promised, limits);
    }
  };
  let next: Waiter | undefined;
  for (let waiter = firstWaiter; waiter; waiter = next) {
    const { cost, order, deadline } = waiter;
    // Read before `drop`, which takes the waiter out of the line.
    next = waiter.after;
    bookUpTo(Math.max(order, bookingsFirst));
    const turn = start + waitFor(full, cost, start, limits);
    if (drop && (cost > limits.burst || isLate(turn, deadline, limits))) {
      drop(waiter, turn);
    } else {
      start = turn;
      full = fullAfter(full, cost, turn, limits);
    }
  }
  bookUpTo(Infinity);
  return { full, start };
}
