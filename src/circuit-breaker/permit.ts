import type { Circuit, Ticket } from "./circuit.js";

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
export class CallPermit implements Permit {
  readonly #ticket: Ticket;
  #circuit: Circuit | undefined;

  constructor(circuit: Circuit, ticket: Ticket) {
    this.#circuit = circuit;
    this.#ticket = ticket;
  }

  success(): void {
    this.#take()?.count(this.#ticket, "successfulCalls");
  }

  /** The call has returned `value`, which the predicates judge. */
  returned(value: unknown): void {
    this.#take()?.settled(this.#ticket, true, value);
  }

  failure(error: unknown): void {
    this.#take()?.settled(this.#ticket, false, error);
  }

  release(): void {
    this.#take()?.count(this.#ticket, "ignoredCalls");
  }

  [Symbol.dispose](): void {
    this.release();
  }

  #take(): Circuit | undefined {
    const circuit = this.#circuit;
    this.#circuit = undefined;
    return circuit;
  }
}
