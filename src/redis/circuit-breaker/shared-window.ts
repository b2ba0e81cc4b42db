import type { Window } from "../../circuit-breaker/trip-rule.js";
import { TimeWindow } from "../../circuit-breaker/window.js";

/** Calls of this instance that the others do not know of. */
export interface Bucket {
  /** Its number: time by its width. */
  readonly at: number;
  total: number;
  bad: number;
}

const SHORTEST = 100;

/**
 * The window of one rule: the calls of all instances as the store last told, with what happened here since; only those of
 * this instance while nothing fails or the store is away.
 */
export class SharedWindow implements Window {
  /** Milliseconds of a bucket. */
  readonly width: number;
  readonly buckets: number;
  readonly #own: TimeWindow;
  #unsent: Bucket[] = [];
  #total = 0;
  #bad = 0;
  /** What the store has told. */
  #all: { readonly total: number; readonly bad: number } | undefined;

  constructor(duration: number) {
    this.#own = new TimeWindow(duration);
    this.width = Math.max(SHORTEST, duration / 100);
    this.buckets = Math.max(1, Math.round(duration / this.width));
  }

  get total(): number {
    return this.#all === undefined ? this.#own.total : this.#all.total + this.#total;
  }

  get bad(): number {
    return this.#all === undefined ? this.#own.bad : this.#all.bad + this.#bad;
  }

  /** Whether there is something that the store has not been told of. */
  get hasUnsent(): boolean {
    return this.#total > 0;
  }

  get hasUnsentBad(): boolean {
    return this.#bad > 0;
  }

  add(bad: boolean, now: number): void {
    this.#own.add(bad, now);
    const at = Math.floor(now / this.width);
    let last = this.#unsent.at(-1);
    if (last?.at !== at) {
      last = { at, total: 0, bad: 0 };
      this.#unsent.push(last);
      this.#dropOld(at);
    }
    last.total++;
    this.#total++;
    if (!bad) return;
    last.bad++;
    this.#bad++;
  }

  forget(now: number): void {
    this.#own.forget(now);
  }

  /** Takes what the store has not been told of: each bucket at most once. */
  take(now: number): readonly Bucket[] {
    this.#dropOld(Math.floor(now / this.width));
    const taken = this.#unsent;
    this.#unsent = [];
    this.#total = 0;
    this.#bad = 0;
    return taken;
  }

  /** What the store tells of all instances; `undefined`: no more than this one is known. */
  tell(all: { readonly total: number; readonly bad: number } | undefined): void {
    this.#all = all;
  }

  #dropOld(at: number): void {
    for (;;) {
      const [first] = this.#unsent;
      if (first === undefined || first.at > at - this.buckets) return;
      this.#unsent.shift();
      this.#total -= first.total;
      this.#bad -= first.bad;
    }
  }
}
