import { show } from "../kernel/show.js";
import { RateLimitError } from "./errors.js";

/**
 * Tokens that are yours, now or after {@link delay}. Disposing of it (`using`) gives them back unless it was
 * committed; one that is forgotten counts as used.
 */
export interface Reservation extends Disposable {
  /** The tokens reserved. */
  readonly cost: number;
  /** Seconds from the reservation until its tokens may be used; 0: at once. */
  readonly delay: number;
  /**
   * Says how many tokens were used; the others go back to the bucket, as far as it could have held them.
   *
   * @param actualCost from 0 to the reserved cost. Default: all of it.
   * @throws RangeError when it is more than was reserved.
   * @throws RateLimitError with `ERR_RATE_LIMIT_SETTLED` after an earlier commit or cancel.
   */
  commit(actualCost?: number): void;
  /** Gives the tokens back. Does nothing after a commit or an earlier cancel. */
  cancel(): void;
}

/** The {@link Reservation} of a line, which is told once how many tokens were used. */
export class HeldReservation implements Reservation {
  readonly cost: number;
  readonly delay: number;
  #settle: ((used: number) => void) | undefined;

  constructor(cost: number, delay: number, settle: (used: number) => void) {
    this.cost = cost;
    this.delay = delay;
    this.#settle = settle;
  }

  commit(actualCost: number = this.cost): void {
    if (typeof actualCost !== "number" || !(actualCost >= 0 && actualCost <= this.cost)) {
      const Kind = typeof actualCost === "number" ? RangeError : TypeError;
      throw new Kind(
        `actualCost must be a number from 0 to the reserved ${this.cost}; got ${show(actualCost)}.`,
      );
    }
    if (!this.#settle) {
      throw new RateLimitError(
        "ERR_RATE_LIMIT_SETTLED",
        "this reservation was committed or cancelled before. Reserve again for the next use.",
      );
    }
    this.#settleOnce(actualCost);
  }

  cancel(): void {
    this.#settleOnce(0);
  }

  [Symbol.dispose](): void {
    this.cancel();
  }

  #settleOnce(used: number): void {
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.(used);
  }
}
