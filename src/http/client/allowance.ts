import type { RateLimitItem, RateLimitPolicy } from "../fields.js";
import { AHEAD, Recovery } from "./recovery.js";
import { readQuota, timeOfEach, timeUntilFull, type ToldQuota, turnOf } from "./told-quota.js";

/** How many quotas of an origin are known, at most. */
const MOST_QUOTAS = 32;

/** What part of that which is left a client may have under way, when others use it as well: at most, and in any case. */
const MOST_PART = 1 / 8;
const SURE_PART = 1 / 64;

/** A request that was sent. */
export interface Sent {
  /** How many had been answered when it was sent. */
  readonly answered: number;
  readonly at: number;
  /** Whether it went ahead of others: nobody knew what was left. */
  readonly isAhead: boolean;
  /** Whether it had to wait. */
  readonly isHeld: boolean;
}

/**
 * How many requests may be sent to an origin, and when, by the `RateLimit` fields of its answers.
 *
 * An answer tells what was left when the server wrote it, so all requests that it may not have counted by then are
 * subtracted: no order of the answers makes it more than there is. Of other clients of the same quota only that is known
 * which their requests leave. So this one slows down long before nothing is left, the more the less there is, by which
 * all get their part; has few requests under way when others were seen; and when what was told is out of date, sends one
 * request and waits for its answer.
 */
export class Allowance {
  readonly #quotas = new Map<string, ToldQuota>();
  #sent = 0;
  #answered = 0;
  #firstSent: number | undefined;
  #lastSent = -Infinity;
  /** Whether the answer that comes now has told what is left. */
  #isHeard = false;
  /** Whether all answers have told it since nothing was under way. */
  #isComplete = true;
  /** Whether the origin has answered. */
  #isKnown = false;
  /** How many requests may be under way. */
  #width = 1;
  /** Whether others use the same quotas. */
  #isShared = false;
  /** After a refusal that told nothing but a time. */
  #recovery: Recovery | undefined;

  /** Until then nothing is sent. */
  pausedUntil: number = -Infinity;

  /** Requests that were sent and not answered. */
  get underWay(): number {
    return this.#sent - this.#answered;
  }

  /** How many quotas are known. */
  get quotas(): number {
    return this.#quotas.size;
  }

  /** Whether nothing would be lost if it was forgotten, but how a server has to be asked that tells no quota. */
  isIdle(now: number): boolean {
    const ends = [this.pausedUntil, ...[...this.#quotas.values()].map(({ until }) => until)];
    return this.underWay === 0 && ends.every((end) => now >= end);
  }

  /** When the next request may be sent, at `now` or later, unless an answer changes it. */
  next(now: number): number {
    let next = Math.max(now, this.pausedUntil);
    if (this.#recovery?.isOver(next) === false)
      next = this.#recovery.next(next, this.underWay, this.#lastSent);
    if (this.#isKnown && this.#quotas.size === 0) return next;
    if (!this.#isKnown) return Math.max(next, (this.#firstSent ?? -Infinity) + AHEAD);
    const width = this.#isAhead(now) ? 1 : Math.floor(this.#width);
    let turn = this.underWay < width ? next : Math.max(next, this.#lastSent + AHEAD / width);
    for (const quota of this.#quotas.values()) {
      if (now < quota.until) turn = Math.max(turn, turnOf(quota, this.#lastSent, now));
    }
    return turn;
  }

  /** @param isHeld whether it had to wait. */
  send(now: number, isHeld: boolean = false): Sent {
    if (this.#recovery?.isOver(now) === true) this.#recovery = undefined;
    if (isHeld) this.#recovery?.sent(now, this.#lastSent);
    const isAhead = this.#isAhead(now);
    if (isAhead && this.#isShared) this.#width = 1;
    this.#sent++;
    this.#firstSent ??= now;
    this.#lastSent = now;
    for (const quota of this.#quotas.values()) quota.left--;
    return { answered: this.#answered, at: now, isAhead, isHeld };
  }

  /** Whether requests are let go slowly, after a refusal that told nothing but a time. */
  isRecovering(now: number): boolean {
    return this.#recovery?.isOver(now) === false;
  }

  /** The server has refused a request that was sent `at` that time, and told nothing but how long to wait. */
  refused(at: number, now: number, length: number): void {
    const until = now + length;
    if (this.isRecovering(now)) this.#recovery?.refused(at, now, until);
    else if (length > 0) this.#recovery = new Recovery(now, until);
  }

  /** The server has done what a request asked for. */
  served({ at, isHeld }: Sent): void {
    this.#recovery?.served(at, isHeld);
  }

  /** What an answer tells, before {@link answer}. */
  hear(sent: Sent, items: readonly RateLimitItem[], policies: readonly RateLimitPolicy[], now: number): void {
    // Those under way when it was sent, and those sent since.
    const uncounted = this.#sent - sent.answered - 1;
    const isAlone = sent.isAhead && uncounted === 0;
    if (isAlone) this.#isShared = false;
    let room = Infinity;
    for (const item of items) {
      const { name, partition } = item;
      const key = partition === undefined ? name : `${name} ${String(partition)}`;
      const known = this.#quotas.get(key);
      const read = readQuota(item, policies, known);
      if (read === undefined || (known === undefined && this.#quotas.size >= MOST_QUOTAS)) continue;
      this.#isHeard = true;
      const { remaining, time, size, window } = read;
      if (isAlone ? remaining < size - 1 : this.#isTakenByOthers(sent, remaining, size, known)) {
        this.#isShared = true;
        this.#width = Math.max(1, this.#width / 2);
      }
      const end = now + Math.max(time, timeOfEach(read));
      this.#quotas.set(key, {
        left: remaining - uncounted,
        lowest: Math.min(known?.lowest ?? Infinity, remaining),
        // An older answer does not know of what the later ones have used.
        until: uncounted > 0 ? Math.max(known?.until ?? 0, end) : end,
        full: now + timeUntilFull(remaining, time, read),
        size,
        window,
        told: { remaining, counted: sent.answered + 1, answered: this.#answered + 1 },
      });
      // At least as many as fill the quota's rate during two ways there and back.
      const fill = (2 * (now - sent.at)) / timeOfEach(read);
      room = Math.min(room, remaining * MOST_PART, Math.max(fill, remaining * SURE_PART));
    }
    if (!this.#isHeard) return;
    const wider = this.#width + (this.#isShared ? 1 / this.#width : 1);
    this.#width = this.#isShared ? Math.max(1, Math.min(wider, room)) : wider;
  }

  /**
   * A request has ended.
   *
   * @param isAnswered whether by an answer.
   * @param now of no interest while no quota is known.
   */
  answer(isAnswered: boolean, now: number): void {
    this.#answered++;
    this.#isKnown = true;
    if (!this.#isHeard) this.#isComplete = false;
    this.#isHeard = false;
    if (this.#quotas.size === 0) {
      if (this.underWay === 0) this.#isComplete = true;
      return;
    }
    // A server need not tell of a quota again.
    if (isAnswered) for (const [key, { until }] of this.#quotas) if (now >= until) this.#quotas.delete(key);
    if (this.underWay > 0) return;
    // The last one that the server has counted left at least this, and since then only more has come.
    for (const quota of this.#quotas.values()) {
      if (this.#isComplete && quota.lowest > quota.left && quota.lowest < Infinity) quota.left = quota.lowest;
      quota.lowest = Infinity;
    }
    this.#isComplete = true;
  }

  /** Whether the next request goes ahead of others: nobody knows what is left. */
  #isAhead(now: number): boolean {
    if (!this.#isKnown) return true;
    if (this.#quotas.size === 0) return false;
    for (const { until } of this.#quotas.values()) if (now >= until) return true;
    return false;
  }

  /** Whether less is left than this client can have left. */
  #isTakenByOthers(sent: Sent, remaining: number, size: number, known: ToldQuota | undefined): boolean {
    // Only of one that was sent after the other was answered is it sure that the server has counted it later.
    if (known?.size !== size || sent.answered < known.told.answered) return false;
    return known.told.remaining - remaining > this.#sent - known.told.counted;
  }
}
