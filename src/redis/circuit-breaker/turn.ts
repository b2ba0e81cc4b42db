import type { CallPermit } from "../../circuit-breaker/permit.js";
import type { Settling } from "../../kernel/policy.js";
import type { SharedCircuit } from "./shared-circuit.js";

/** A call that waits for its permit; it may be given up meanwhile, and the permit then goes back. */
export class Turn implements Settling {
  readonly #shared: SharedCircuit;
  #permit: CallPermit | undefined;
  #isGivenUp = false;

  constructor(shared: SharedCircuit) {
    this.#shared = shared;
  }

  /** Calls `fn` with the permit; rejects with the refusal. */
  async run<Result>(fn: () => Result): Promise<Awaited<Result>> {
    const permit = await this.#shared.permit();
    if (permit === undefined) throw this.#shared.circuit.refusal();
    this.#permit = permit;
    if (this.#isGivenUp) {
      permit.release();
      // Its caller has already got the reason of the abort.
      throw new Error("the call was given up");
    }
    return await fn();
  }

  returned(value: unknown): void {
    this.#permit?.returned(value);
  }

  failure(error: unknown): void {
    this.#permit?.failure(error);
  }

  release(): void {
    this.#isGivenUp = true;
    this.#permit?.release();
  }
}
