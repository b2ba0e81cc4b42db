import type { Work } from "../kernel/base-policy.js";
import type { Context } from "../kernel/context.js";
import type { Continuation, Inside } from "../kernel/stage.js";
import { type NotAPromise, synchronous } from "../kernel/synchronous.js";
import { isThenable } from "../kernel/thenable.js";
import type { Circuit } from "./circuit.js";
import type { Ticket } from "./machine.js";
import { type Handlers, UNTIMED } from "./tickets.js";

function handlersOf(circuit: Circuit, ticket: Ticket, started: number): Handlers {
  return {
    era: ticket.era,
    fulfilled(value) {
      circuit.settled(ticket, started, true, value);
      return value;
    },
    rejected(error) {
      circuit.settled(ticket, started, false, error);
      throw error;
    },
  };
}

/** One pair of handlers serves an era of a closed circuit, so that a call allocates nothing but its promise. */
function sharedHandlers(circuit: Circuit, ticket: Ticket): Handlers {
  const last = circuit.handlers;
  return last?.era === ticket.era ? last : (circuit.handlers = handlersOf(circuit, ticket, UNTIMED));
}

// Both take the arguments as a rest and pass them on as one: inlined, no array is ever made of them.

/** Calls `fn` through the circuit; what it throws, and a refusal, become a rejection. */
export function guard<This, Args extends unknown[], Result>(
  circuit: Circuit,
  self: This,
  fn: (this: This, ...args: Args) => Result,
  ...args: Args
): Promise<Awaited<Result>> {
  let ticket: Ticket | undefined;
  let started = UNTIMED;
  try {
    started = circuit.start();
    ticket = circuit.admit();
    if (ticket === undefined) throw circuit.refusal();
    const result = fn.apply(self, args);
    // Read first: a `then` that throws would leave an unhandled rejection behind.
    const later = result instanceof Promise || isThenable(result);
    const promise = Promise.resolve(result);
    if (later) {
      const { fulfilled, rejected } =
        ticket.kind === "closed" && started === UNTIMED
          ? sharedHandlers(circuit, ticket)
          : handlersOf(circuit, ticket, started);
      // As `await` does it: a `then` of the promise's own may throw, or return nothing.
      return Promise.prototype.then.call(promise, fulfilled, rejected) as typeof promise;
    }
    circuit.settled(ticket, started, true, result);
    return promise;
  } catch (error) {
    if (ticket !== undefined) circuit.settled(ticket, started, false, error);
    return Promise.reject(error);
  }
}

/** A function that calls `fn` through the circuit, with its `this`. */
export function guarded<This, Args extends unknown[], Result>(
  circuit: Circuit,
  fn: (this: This, ...args: Args) => Result,
): (this: This, ...args: Args) => Promise<Awaited<Result>> {
  return function (...args) {
    return guard(circuit, this, fn, ...args);
  };
}

/** Calls the synchronous `fn` through the circuit. A promise from it is a mistake: its permit goes back. */
export function guardSync<This, Args extends unknown[], Result>(
  circuit: Circuit,
  self: This,
  fn: (this: This, ...args: Args) => Result,
  ...args: Args
): NotAPromise<Result> {
  const started = circuit.start();
  const ticket = circuit.admit();
  if (ticket === undefined) throw circuit.refusal();
  let result: Result;
  let isPromise: boolean;
  try {
    result = fn.apply(self, args);
    isPromise = isThenable(result);
  } catch (error) {
    circuit.settled(ticket, started, false, error);
    throw error;
  }
  circuit.settled(ticket, started, isPromise ? "ignored" : true, result);
  return synchronous(result, "Use call or wrap for it.");
}

/** A function that calls the synchronous `fn` through the circuit, with its `this`. */
export function guardedSync<This, Args extends unknown[], Result>(
  circuit: Circuit,
  fn: (this: This, ...args: Args) => Result,
): (this: This, ...args: Args) => NotAPromise<Result> {
  return function (...args) {
    return guardSync(circuit, this, fn, ...args);
  };
}

/** An admitted call in a pipeline. */
class AdmittedCall implements Continuation {
  readonly #circuit: Circuit;
  readonly #ticket: Ticket;
  readonly #started: number;
  readonly #next: Continuation;

  constructor(circuit: Circuit, ticket: Ticket, started: number, next: Continuation) {
    this.#circuit = circuit;
    this.#ticket = ticket;
    this.#started = started;
    this.#next = next;
  }

  fulfilled(value: unknown): unknown {
    this.#circuit.settled(this.#ticket, this.#started, true, value);
    return this.#next.fulfilled(value);
  }

  rejected(reason: unknown): unknown {
    this.#circuit.settled(this.#ticket, this.#started, false, reason);
    return this.#next.rejected(reason);
  }
}

/** Runs what is inside through the circuit. */
export function guardInside(
  circuit: Circuit,
  inside: Inside,
  fn: Work<unknown>,
  context: Context,
  next: Continuation,
): unknown {
  let call: AdmittedCall;
  try {
    const started = circuit.start();
    const ticket = circuit.admit();
    if (ticket === undefined) throw circuit.refusal();
    call = new AdmittedCall(circuit, ticket, started, next);
  } catch (error) {
    return next.rejected(error);
  }
  return inside.start(fn, context, call);
}
