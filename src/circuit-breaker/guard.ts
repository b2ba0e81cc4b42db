import { isThenable } from "../kernel/thenable.js";
import type { Circuit, Handlers } from "./circuit.js";
import type { State } from "./machine.js";

/** What a synchronous call returns: what the function returns, which must not be a promise. */
export type NotAPromise<Result> = Exclude<Result, PromiseLike<unknown>>;

function handlersOf(circuit: Circuit, ticket: State, started: number): Handlers {
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

/** One pair of handlers serves an era of a closed circuit, so that a call makes nothing but its promise. */
function sharedHandlers(circuit: Circuit, ticket: State): Handlers {
  const last = circuit.handlers;
  return last?.era === ticket.era ? last : (circuit.handlers = handlersOf(circuit, ticket, 0));
}

// Both take the arguments as a rest and pass them on as one: inlined, no array is ever made of them.

/** Calls `fn` through the circuit; what it throws, and a refusal, become a rejection. */
export function guard<This, Args extends unknown[], Result>(
  circuit: Circuit,
  self: This,
  fn: (this: This, ...args: Args) => Result,
  ...args: Args
): Promise<Awaited<Result>> {
  const ticket = circuit.admit();
  if (ticket === undefined) return Promise.reject(circuit.refusal());
  const started = circuit.start();
  let result: Result;
  let later: boolean;
  try {
    result = fn.apply(self, args);
    later = result instanceof Promise || isThenable(result);
  } catch (error) {
    circuit.settled(ticket, started, false, error);
    return Promise.reject(error);
  }
  const promise = Promise.resolve(result);
  if (!later) {
    circuit.settled(ticket, started, true, result);
    return promise;
  }
  const { fulfilled, rejected } =
    ticket.kind === "closed" && !circuit.timed
      ? sharedHandlers(circuit, ticket)
      : handlersOf(circuit, ticket, started);
  return promise.then(fulfilled, rejected);
}

/** Calls the synchronous `fn` through the circuit. A promise from it is a mistake: its permit goes back. */
export function guardSync<This, Args extends unknown[], Result>(
  circuit: Circuit,
  self: This,
  fn: (this: This, ...args: Args) => Result,
  ...args: Args
): NotAPromise<Result> {
  const ticket = circuit.admit();
  if (ticket === undefined) throw circuit.refusal();
  const started = circuit.start();
  let result: Result;
  let thenable: boolean;
  try {
    result = fn.apply(self, args);
    thenable = isThenable(result);
  } catch (error) {
    circuit.settled(ticket, started, false, error);
    throw error;
  }
  if (!isDirect(result, thenable)) {
    circuit.count(ticket, started, "ignored", undefined);
    return refusePromise(result);
  }
  circuit.settled(ticket, started, true, result);
  return result;
}

function isDirect<Result>(_result: Result, thenable: boolean): _result is NotAPromise<Result> {
  return !thenable;
}

function refusePromise(result: unknown): never {
  // Nobody will see this promise: what it rejects with must not become an unhandled rejection.
  Promise.resolve(result).catch(() => {});
  throw new TypeError(
    "a synchronous call needs a function that returns its result; got a promise. Use call or wrap for it.",
  );
}
