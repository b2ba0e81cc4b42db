import { isThenable } from "../kernel/thenable.js";
import type { Circuit } from "./circuit.js";

/** What a synchronous call returns: what the function returns, which must not be a promise. */
export type NotAPromise<Result> = Exclude<Result, PromiseLike<unknown>>;

// Both take the arguments as a rest and pass them on as one: inlined, no array is ever made of them.

/**
 * Calls `fn` through the circuit and throws what it throws, or the refusal. Returns what it returns when `sync`,
 * where a promise is a mistake and the permit goes back; else a promise of it.
 */
export function run<This, Args extends unknown[]>(
  circuit: Circuit,
  sync: boolean,
  self: This,
  fn: (this: This, ...args: Args) => unknown,
  ...args: Args
): unknown {
  const ticket = circuit.admit();
  if (ticket === undefined) throw circuit.refusal();
  let result: unknown;
  let thenable: boolean;
  try {
    result = fn.apply(self, args);
    thenable = isThenable(result);
  } catch (error) {
    circuit.settled(ticket, false, error);
    throw error;
  }
  if (!thenable) {
    circuit.settled(ticket, true, result);
    return sync ? result : Promise.resolve(result);
  }
  const promise = Promise.resolve(result);
  if (sync) {
    circuit.count(ticket, "ignoredCalls");
    // Nobody will see this promise: what it rejects with must not become an unhandled rejection.
    promise.catch(() => {});
    throw new TypeError(
      "a synchronous call needs a function that returns its result; got a promise. Use call or wrap for it.",
    );
  }
  // Kept with the ticket, which the calls of a closed circuit share: such a call makes nothing but its promise.
  const { fulfilled, rejected } = (ticket.handlers ??= {
    fulfilled(value) {
      circuit.settled(ticket, true, value);
      return value;
    },
    rejected(error) {
      circuit.settled(ticket, false, error);
      throw error;
    },
  });
  return promise.then(fulfilled, rejected);
}

/** {@link run} with a promise of whatever happens. */
export function guard<This, Args extends unknown[], Result>(
  circuit: Circuit,
  self: This,
  fn: (this: This, ...args: Args) => Result,
  ...args: Args
): Promise<Awaited<Result>> {
  try {
    return run(circuit, false, self, fn, ...args) as Promise<Awaited<Result>>;
  } catch (error) {
    return Promise.reject(error);
  }
}
