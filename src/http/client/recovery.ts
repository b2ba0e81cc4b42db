/** In milliseconds. How long others wait for the answer to a request, when as many are under way as may be. */
export const AHEAD = 1000;

/** In milliseconds. The longest time that a rate is kept before it is doubled, and the least that a refusal is remembered. */
const LONGEST_HOLD = 60_000;

/** How many more may be under way after each success: half as many again with each way there and back. */
const GROWTH = 1 / 2;

/** How many requests it is kept for at least: chance has its part in fewer. */
const HELD = 4;

/**
 * How many times as long as the server has asked to wait may be between requests: by then it takes one, and others may take
 * it. Without this, a server that refuses whatever the rate is, such as one of two that are asked in turns, would be asked
 * less and less.
 */
const MOST_PAUSES = 2;

/** After so many doublings a rate is no limit any more. */
const DOUBLINGS = 10;

/**
 * How requests are let go after a server has refused one and said how long to wait, but not how many it takes.
 *
 * The first one goes alone; the more succeed, the more may be under way, until the server refuses again. Between two
 * refusals it has given what it gives in that time, by whatever rule: from then on this is the rate. It is kept for as long
 * as those refusals were apart, and then doubled in each such time, because there may be more.
 */
export class Recovery {
  /** How many may be under way. */
  #width = 1;
  /** In milliseconds, between requests; `undefined`: not known yet. */
  #interval: number | undefined;
  /** In milliseconds. How long that is kept. */
  #hold = 0;
  /** When the server has refused, and when the pause ends that it has asked for. */
  #refused: number;
  #released: number;
  /** How long it has asked to wait. */
  #asked: number;
  /** Since then: milliseconds in which somebody waited, and how many were served. */
  #busy = 0;
  #served = 0;

  constructor(now: number, until: number) {
    this.#refused = now;
    this.#released = until;
    this.#asked = until - now;
  }

  /** Whether it is over, as the server has not refused again for long. */
  isOver(now: number): boolean {
    return now >= this.#released + Math.max(LONGEST_HOLD, this.#hold * DOUBLINGS);
  }

  /** When the next request may be sent, from `now` on. */
  next(now: number, underWay: number, lastSent: number): number {
    const width = Math.floor(this.#width);
    const from = Math.max(now, this.#released);
    const turn = underWay < width ? from : Math.max(from, lastSent + AHEAD / width);
    if (this.#interval === undefined) return turn;
    const doublings = Math.max(0, (now - this.#released) / this.#hold - 1);
    const paced = lastSent + this.#interval / 2 ** doublings;
    // A timer is no better than a millisecond.
    return paced > turn + 1 ? paced : turn;
  }

  /** A request is sent that has waited. */
  sent(now: number, lastSent: number): void {
    this.#busy += now - Math.max(lastSent, this.#refused);
  }

  /** A request that was sent at that time was answered, and not refused. */
  served(at: number, isHeld: boolean): void {
    if (at < this.#released) return;
    this.#served++;
    // Otherwise it says nothing about more of them.
    if (isHeld) this.#width += GROWTH;
  }

  /** The server has refused a request that was sent at that time. */
  refused(at: number, now: number, until: number): void {
    // What was under way when it refused the first one tells nothing new.
    if (at < this.#released) {
      this.#released = Math.max(this.#released, until);
      return;
    }
    if (until > now) this.#asked = until - now;
    if (this.#served > 0 && this.#busy > 0) {
      this.#interval = Math.min(this.#busy / this.#served, MOST_PAUSES * this.#asked);
      this.#hold = Math.min(Math.max(this.#busy, HELD * this.#interval), LONGEST_HOLD);
    }
    // When nothing was served, the next one waits longer than this one did.
    const backoff = this.#served > 0 ? 0 : Math.min(2 * this.#busy, LONGEST_HOLD);
    this.#refused = now;
    this.#released = Math.max(until, at + backoff);
    this.#busy = 0;
    this.#served = 0;
    this.#width = 1;
  }
}
