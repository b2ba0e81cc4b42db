import type { Verdict } from "./machine.js";

/** The right to make one call, from `tryPermit`. The first of its methods counts, the others do nothing. */
export interface Permit extends Disposable {
  /** The call has succeeded. */
  success(): void;
  /** The call has failed with `error`, which is judged as if the call had thrown it. */
  failure(error: unknown): void;
  /** The call was not made, or says nothing: gives the permit back. Also what disposing does. */
  release(): void;
}

/** Settles once what one admitted call came to. */
export class OncePermit implements Permit {
  #settle: ((verdict: Verdict | undefined, value?: unknown, fulfilled?: boolean) => void) | undefined;

  /** @param settle gets the verdict, or `undefined` where the predicates have to judge. */
  constructor(settle: (verdict: Verdict | undefined, value?: unknown, fulfilled?: boolean) => void) {
    this.#settle = settle;
  }

  success(): void {
    this.#once("success");
  }

  failure(error: unknown): void {
    this.#once(undefined, error, false);
  }

  release(): void {
    this.#once("ignored");
  }

  [Symbol.dispose](): void {
    this.release();
  }

  /** A value that the predicates judge. */
  returned(value: unknown): void {
    this.#once(undefined, value, true);
  }

  #once(verdict: Verdict | undefined, value?: unknown, fulfilled?: boolean): void {
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.(verdict, value, fulfilled);
  }
}
