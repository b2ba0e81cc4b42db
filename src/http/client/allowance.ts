import type { RateLimitItem, RateLimitPolicy } from "../fields.js";

/** In milliseconds. What a server asks for beyond that is taken for a mistake. */
export const LONGEST = 86_400_000;

/** In milliseconds. How long other calls wait for the first answer of an origin, which may tell its limits. */
const FIRST_ANSWER = 1000;

/** What a server allows within some time. */
interface Quota {
  /** How many requests may still be sent until then. */
  left: number;
  /** When it allows `size` again. */
  until: number;
  readonly size: number;
  /** In milliseconds. */
  readonly window: number;
  /** Milliseconds between requests, when little is left. */
  pace: number;
  /** The least that an answer has told since nothing was under way. */
  lowest: number;
}

/** A request that was sent. */
export interface Sent {
  /** How many had been answered when it was sent. */
  readonly answered: number;
}

/**
 * How many requests may be sent to an origin, and when, by the `RateLimit` fields of its answers. An answer tells what was
 * left when the server wrote it, so all requests that it may not have counted by then are subtracted: no order of the
 * answers makes it more than there is.
 */
export class Allowance {
  readonly #quotas = new Map<string, Quota>();
  #sent = 0;
  #answered = 0;
  #firstSent: number | undefined;
  #lastSent = -Infinity;
  /** Whether the answer that comes now has told what is left. */
  #isHeard = false;
  /** Whether all answers have told it since nothing was under way. */
  #isComplete = true;
  /** Whether the origin has answered: before, one request goes ahead. */
  #isKnown = false;

  /** Until then nothing is sent. */
  pausedUntil: number = -Infinity;

  /** Requests that were sent and not answered. */
  get underWay(): number {
    return this.#sent - this.#answered;
  }

  /** Whether nothing would be lost if it was forgotten. */
  isIdle(now: number): boolean {
    const ends = [this.pausedUntil, ...[...this.#quotas.values()].map(({ until }) => until)];
    return this.underWay === 0 && ends.every((end) => now >= end);
  }

  /** When the next request may be sent, at `now` or later, unless an answer changes it. */
  next(now: number): number {
    let next = Math.max(now, this.pausedUntil);
    if (!this.#isKnown) return Math.max(next, (this.#firstSent ?? -Infinity) + FIRST_ANSWER);
    for (const quota of this.#quotas.values()) {
      if (now >= quota.until) this.#renew(quota, now);
      next = Math.max(next, quota.left >= 1 ? this.#lastSent + quota.pace : quota.until);
    }
    return next;
  }

  send(now: number): Sent {
    this.#sent++;
    this.#firstSent ??= now;
    this.#lastSent = now;
    for (const quota of this.#quotas.values()) quota.left--;
    return { answered: this.#answered };
  }

  /** A request was answered, or has failed. */
  answer(): void {
    this.#answered++;
    this.#isKnown = true;
    if (!this.#isHeard) this.#isComplete = false;
    this.#isHeard = false;
    if (this.underWay > 0) return;
    // The last one that the server has counted left at least this, and since then only more has come.
    for (const quota of this.#quotas.values()) {
      if (this.#isComplete && quota.lowest > quota.left && quota.lowest < Infinity) quota.left = quota.lowest;
      quota.lowest = Infinity;
    }
    this.#isComplete = true;
  }

  /** What an answer tells, before {@link answer}. */
  hear(sent: Sent, items: readonly RateLimitItem[], policies: readonly RateLimitPolicy[], now: number): void {
    // Those under way when it was sent, and those sent since.
    const uncounted = this.#sent - sent.answered - 1;
    for (const { name, remaining, seconds } of items) {
      const known = this.#quotas.get(name);
      const policy = policies.find((each) => each.name === name);
      const time = seconds === undefined ? known?.window : Math.min(seconds * 1000, LONGEST);
      // Without a time it says nothing about what comes.
      if (time === undefined) continue;
      const size = policy?.quota ?? Math.max(known?.size ?? 0, remaining + 1);
      const window = policy?.window === undefined ? time : Math.min(policy.window * 1000, LONGEST);
      const left = remaining - uncounted;
      const pace = left < size / 2 ? time / Math.max(1, left + 1) : 0;
      // An older answer does not know of what the later ones have used.
      const until = uncounted > 0 ? Math.max(known?.until ?? 0, now + time) : now + time;
      const lowest = Math.min(known?.lowest ?? Infinity, remaining);
      this.#quotas.set(name, { left, until, size, window, pace, lowest });
      this.#isHeard = true;
    }
  }

  #renew(quota: Quota, now: number): void {
    quota.left = quota.size - this.underWay;
    quota.until = now + quota.window;
    quota.pace = 0;
  }
}
