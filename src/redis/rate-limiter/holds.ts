import { BELIEVED } from "./refusals.js";
import type { Answer } from "./take-batch.js";

/** How many it remembers. */
const MOST = 10_000;

interface Hold {
  readonly until: number;
  readonly blockedUntil: number;
  /** Counts the changes. */
  readonly version: number;
  /** When the store had the last change; Infinity: it has not answered. */
  known: number;
}

/**
 * The pauses and blocks that this process has set, by bucket. One that the store knows is believed no longer than what the
 * store has told, as it may be ended elsewhere; while the store is away, it counts until its end. Of too many, some are
 * left to the store.
 */
export class Holds {
  readonly #holds = new Map<string, Hold>();
  #version = 0;

  get isEmpty(): boolean {
    return this.#holds.size === 0;
  }

  /**
   * Admits nobody from the buckets before this time; a shorter one does not end a longer one.
   *
   * @returns the version that {@link written} wants.
   */
  set(keys: readonly string[], now: number, until: number, isBlock: boolean): number {
    this.#prune(now, keys.length * 2);
    const version = ++this.#version;
    for (const key of keys) {
      const before = this.#holds.get(key);
      this.#holds.delete(key);
      const blockedUntil = Math.max(before?.blockedUntil ?? -Infinity, isBlock ? until : -Infinity);
      this.#holds.set(key, {
        until: Math.max(before?.until ?? -Infinity, until),
        blockedUntil,
        version,
        known: Infinity,
      });
    }
    return version;
  }

  /** Looks at the oldest, two for each new one, so that they do not pile up and no call has to look at many. */
  #prune(now: number, steps: number): void {
    let left = steps;
    for (const [key, hold] of this.#holds) {
      if (left-- === 0) return;
      this.#holds.delete(key);
      // Behind all others.
      if (hold.until > now && this.#holds.size < MOST) this.#holds.set(key, hold);
    }
  }

  /** The store knows the last change, if it is of this version. */
  written(key: string, version: number, now: number): void {
    const hold = this.#holds.get(key);
    if (hold?.version === version) hold.known = now;
  }

  /** Until when nobody is admitted from these buckets; -Infinity: not held. */
  until(keys: readonly string[]): number {
    return this.#latest(keys, ({ until }) => until);
  }

  /** As {@link until}, as long as the store need not be asked. */
  believed(keys: readonly string[], now: number): number {
    return this.#latest(keys, ({ until, known }) => (known + BELIEVED > now ? until : -Infinity));
  }

  /** Whether nobody may wait for these buckets, as long as the store need not be asked. */
  areBlocked(keys: readonly string[], now: number): boolean {
    return (
      this.#latest(keys, ({ blockedUntil, known }) => (known + BELIEVED > now ? blockedUntil : -Infinity)) >
      now
    );
  }

  /** What the store would say of them, for a store that does not; `undefined`: they are not held. */
  answer(keys: readonly string[], now: number): Answer | undefined {
    const wait = this.until(keys) - now;
    if (!(wait > 0)) return undefined;
    const isBlocked = this.#latest(keys, ({ blockedUntil }) => blockedUntil) > now;
    return { granted: 0, wait, sent: now, marks: [], isBlocked };
  }

  /**
   * @param sent when the store was asked, which admits from the buckets: what it knew then was ended elsewhere.
   * @returns whether one was, before its time.
   */
  admitted(keys: readonly string[], sent: number, now: number): boolean {
    let isEnded = false;
    if (this.#holds.size === 0) return isEnded;
    for (const key of keys) {
      const hold = this.#holds.get(key);
      if (hold === undefined || hold.known > sent) continue;
      isEnded ||= hold.until > now;
      this.#holds.delete(key);
    }
    return isEnded;
  }

  forget(keys: readonly string[]): void {
    for (const key of keys) this.#holds.delete(key);
  }

  #latest(keys: readonly string[], timeOf: (hold: Hold) => number): number {
    if (this.#holds.size === 0) return -Infinity;
    return keys.reduce((latest, key) => {
      const hold = this.#holds.get(key);
      return hold === undefined ? latest : Math.max(latest, timeOf(hold));
    }, -Infinity);
  }
}
