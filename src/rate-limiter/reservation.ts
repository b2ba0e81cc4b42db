import { unlike } from "../kernel/show.js";
import { RateLimitError } from "./errors.js";

/**
 * Reserved tokens, to be used now or after {@link delay}. Disposing of it (`using`) gives them back unless it was
 * committed. A reservation that is never settled counts as used.
 */
export interface Reservation extends Disposable {
  /** The tokens reserved. */
  readonly cost: number;
  /** Seconds from the reservation until its tokens may be used; 0: at once. */
  readonly delay: number;
  /**
   * Reports how many tokens were used. Unused ones go back to the bucket, as far as it could have held them. Those used
   * beyond the reserved cost are charged as debt, even above the burst: no request is admitted until the debt is repaid.
   * So a window exceeds its bound by at most what was committed beyond the cost.
   *
   * @param actualCost a number of 0 or more. Default: the reserved cost.
   * @throws TypeError or RangeError when it is anything else; the reserved cost then counts as used.
   * @throws RateLimitError with `ERR_RATE_LIMIT_SETTLED` after an earlier commit or cancel.
   */
  commit(actualCost?: number): void;
  /** Gives the tokens back. Does nothing after a commit, even one that threw, or an earlier cancel. */
  cancel(): void;
}

/** Calls `settle` once with how many tokens were used. */
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
    if (typeof actualCost !== "number" || !(actualCost >= 0 && actualCost < Infinity)) {
      // A committed reservation was used: `using` must not give it back.
      this.#settleOnce(this.cost);
      throw new (typeof actualCost === "number" ? RangeError : TypeError)(
        unlike("actualCost", "a number of 0 or more", actualCost),
      );
    }
    if (!this.#settle) {
      throw new RateLimitError(
        "ERR_RATE_LIMIT_SETTLED",
        "this reservation was already committed or cancelled. Reserve again for the next use.",
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
