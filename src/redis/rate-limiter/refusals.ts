/** Milliseconds for which a refusal is believed; tokens may come back or limits change elsewhere. */
export const BELIEVED = 1000;

/** How many keys it remembers. */
const MOST = 10_000;

/** Milliseconds by which the store rounds a wait up: in what a cheaper request waits less, that would be too late. */
const ROUNDING = 0.001;

interface Refused {
  readonly tokens: number;
  /** The next question is asked then. */
  readonly until: number;
  /** When the request would be granted. */
  readonly due: number;
  readonly isBlocked: boolean;
}

/**
 * Until when the store would refuse, by what it said last, so that a flood of refused requests costs no round trips. Each
 * time is counted from before the question was sent, so it is never later than the truth.
 */
export class Refusals {
  readonly #known = new Map<string, Refused>();

  /**
   * @param wait milliseconds that a request of so many tokens would have waited at the time `sent`.
   * @param isBlocked whether none may wait.
   */
  remember(id: string, tokens: number, sent: number, wait: number, isBlocked: boolean): void {
    this.#known.delete(id);
    if (wait <= 0) return;
    this.#known.set(id, { tokens, until: sent + Math.min(wait, BELIEVED), due: sent + wait, isBlocked });
    if (this.#known.size <= MOST) return;
    // The oldest ones, which are the first to be over.
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest);
      break;
    }
  }

  /**
   * The time before which a request of so many tokens is not granted; -Infinity: not known, or not believed any more.
   *
   * @param slowest milliseconds of a token: a cheaper request comes at most so much earlier.
   */
  due(id: string, tokens: number, slowest: number, now: number): number {
    if (this.#known.size === 0) return -Infinity;
    const refused = this.#known.get(id);
    if (refused === undefined) return -Infinity;
    if (refused.until <= now) {
      this.#known.delete(id);
      return -Infinity;
    }
    const cheaper = refused.tokens - tokens;
    const due = cheaper > 0 ? refused.due - cheaper * slowest - ROUNDING : refused.due;
    return due > now ? due : -Infinity;
  }

  /** Whether requests may not wait either, as far as is believed. */
  isBlocked(id: string, now: number): boolean {
    const refused = this.#known.get(id);
    return refused !== undefined && refused.isBlocked && refused.until > now;
  }

  forget(id: string): void {
    this.#known.delete(id);
  }

  clear(): void {
    this.#known.clear();
  }
}
