import type { RateLimitItem, RateLimitPolicy } from "../fields.js";

/** In milliseconds. What a server asks for beyond that is taken for a mistake. */
export const LONGEST = 86_400_000;

/** How steeply a client slows down: with it, clients that share a quota meet far from its end. */
const STEEPNESS = 4;

/** How many times longer than evenly spread requests one waits, at most. */
const MOST = 4;

/** Halvings of a time, until it is known well enough. */
const STEPS = 12;

/** A quota as the answers of a server tell it. */
export interface ToldQuota {
  /** How many requests may still be sent. */
  left: number;
  /** The least that an answer has told since nothing was under way. */
  lowest: number;
  /** When what was told is out of date. */
  readonly until: number;
  /** When the quota is whole again, if it comes steadily. */
  readonly full: number;
  /** How many requests it is, of those that cost most. */
  readonly size: number;
  /** In milliseconds: how long it is for. */
  readonly window: number;
  /** What the last answer has told, and when: how many requests had been sent and answered. */
  readonly told: { readonly remaining: number; readonly counted: number; readonly answered: number };
}

/** What an answer tells of a quota, in requests and milliseconds; `undefined` if nothing that a client could go by. */
export function readQuota(
  { name, remaining, seconds }: RateLimitItem,
  policies: readonly RateLimitPolicy[],
  known: ToldQuota | undefined,
): (Pick<ToldQuota, "size" | "window"> & { readonly remaining: number; readonly time: number }) | undefined {
  const policy = policies.find((each) => each.name === name);
  // Without a time it says nothing about what comes.
  const time = seconds === undefined ? known?.window : Math.min(seconds * 1000, LONGEST);
  if (time === undefined) return undefined;
  if (policy === undefined) {
    const size = Math.max(known?.size ?? 0, remaining + 1);
    return { remaining, time, size, window: Math.max(time, known?.window ?? 0, 1) };
  }
  // Of costs a client learns by this: a server tells how many requests there are of the one that it answers.
  const size = Math.max(1, Math.min(policy.quota, known?.size ?? Infinity));
  const window = policy.window === undefined ? Math.max(time, 1) : Math.min(policy.window * 1000, LONGEST);
  const isCheap = policy.quota > size;
  const left = isCheap ? Math.floor((remaining * size) / (policy.quota + 1)) : remaining;
  return { remaining: left, time, size, window };
}

/** How many milliseconds a quota takes for another request. */
export const timeOfEach = ({ size, window }: Pick<ToldQuota, "size" | "window">): number => window / size;

/**
 * How many milliseconds a quota that comes steadily takes to be whole. Fields tell it in whole seconds; what is missing,
 * and how fast it comes, tells it better.
 */
export function timeUntilFull(
  remaining: number,
  time: number,
  quota: Pick<ToldQuota, "size" | "window">,
): number {
  const each = timeOfEach(quota);
  const missing = (quota.size - remaining) * each;
  return Math.max(each, Math.min(time, Math.max(time - 1000, missing)));
}

/**
 * Milliseconds between requests: as many as the quota takes for each, when what is left would last as long as it takes to
 * be whole; far fewer when more is left, more when less: at most four times as many as spread what is left evenly.
 */
function paceAt(time: number, quota: ToldQuota): number {
  const each = timeOfEach(quota);
  const even = Math.max(0, quota.full - time) / (quota.left + 1);
  return Math.min(each * (even / each) ** STEEPNESS, MOST * even);
}

/** When the next request may be sent, from `now` on. */
export function turnOf(quota: ToldQuota, lastSent: number, now: number): number {
  if (quota.left < 1) return quota.until;
  const pace = paceAt(now, quota);
  // A timer is no better than that.
  if (now - lastSent + 1 >= pace) return now;
  // The later, the shorter the pace.
  let [low, high] = [now, Math.min(lastSent + pace, Math.max(now, quota.full))];
  for (let step = 0; step < STEPS; step++) {
    const middle = (low + high) / 2;
    if (middle - lastSent >= paceAt(middle, quota)) high = middle;
    else low = middle;
  }
  return Math.min(high, quota.until);
}
