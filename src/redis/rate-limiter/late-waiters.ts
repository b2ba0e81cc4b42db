import type { SharedQueue, SharedRequest } from "./shared-queue.js";

/** When those who wait have their turns, as far as is known. */
export interface Turns {
  /** The time of the first one. */
  readonly due: number;
  /** Milliseconds in which a token flows in. */
  readonly fastest: number;
  /** How many may wait. Default: as many as like. */
  readonly places?: number;
  /** Whether it is a pause that they wait for, in which tokens flow in, too. */
  readonly isPaused?: boolean;
  /** Whether nobody may wait. */
  readonly isBlocked?: boolean;
}

/** A waiter to be refused, with the time that his turn would be, and why he is. */
export type LateWaiter<Grant> = readonly [
  request: SharedRequest<Grant>,
  turn: number,
  why: string | undefined,
];

export const BLOCKED = "this key is blocked";

export const placesTaken = (count: number): string => `all ${count} places to wait are taken`;

/** The waiters who cannot have their turn in time, or have no place. Each is to be removed before the next is asked for. */
export function* lateWaiters<Grant>(
  queue: SharedQueue<Grant>,
  { due, fastest, places = Infinity, isPaused = false, isBlocked = false }: Turns,
): Generator<LateWaiter<Grant>> {
  const first = queue.firstWaiter;
  if (first === undefined || (!isBlocked && queue.waiters <= places && !queue.hasDeadlines)) return;
  let [ahead, kept] = [-first.cost, 0];
  for (const request of queue) {
    if (!request.waits) continue;
    const turn = isPaused || isBlocked ? due : due + Math.max(0, ahead + request.cost) * fastest;
    const isFull = kept >= places ? placesTaken(kept) : undefined;
    const why = isBlocked ? BLOCKED : isFull;
    if (request.isDebt || (why === undefined && turn <= request.deadline)) {
      ahead += request.cost;
      if (!request.isDebt) kept++;
    } else yield [request, turn, why];
  }
}
