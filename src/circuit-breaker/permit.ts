import type { Verdict } from "../kernel/judge.js";
import { Printed } from "../kernel/printed.js";
import type { Circuit } from "./circuit.js";
import type { Ticket } from "./machine.js";

/** The right to make one call, from `tryPermit`. The first of its methods counts, the others do nothing. */
export interface Permit extends Disposable {
  /** The call has succeeded. */
  success(): void;
  /** The call has failed with `error`, which is judged as if the call had thrown it. */
  failure(error: unknown): void;
  /** The call was not made, or says nothing: gives the permit back. Also what disposing does. */
  release(): void;
}

/** Records the outcome of one admitted call, once. */
export class CallPermit extends Printed implements Permit {
  readonly #ticket: Ticket;
  readonly #started: number;
  #circuit: Circuit | undefined;

  constructor(circuit: Circuit, ticket: Ticket, started: number) {
    super();
    this.#circuit = circuit;
    this.#ticket = ticket;
    this.#started = started;
  }

  snapshot(): object {
    return { isSettled: this.#circuit === undefined };
  }

  success(): void {
    this.#settle("success", undefined);
  }

  /** The call has returned `value`, which the predicates judge. */
  returned(value: unknown): void {
    this.#settle(true, value);
  }

  failure(error: unknown): void {
    this.#settle(false, error);
  }

  release(): void {
    this.#settle("ignored", undefined);
  }

  [Symbol.dispose](): void {
    this.release();
  }

  #settle(ended: boolean | Verdict, value: unknown): void {
    const circuit = this.#circuit;
    this.#circuit = undefined;
    circuit?.settled(this.#ticket, this.#started, ended, value);
  }
}

/** The permit of one more call; `undefined` when it is refused. */
export function permitOf(circuit: Circuit): CallPermit | undefined {
  const started = circuit.start();
  const ticket = circuit.admit();
  return ticket && new CallPermit(circuit, ticket, started);
}

/** The permit of one more call; throws when it is refused. */
export function admitted(circuit: Circuit): CallPermit {
  const permit = permitOf(circuit);
  if (permit === undefined) throw circuit.refusal();
  return permit;
}
