import type { AsyncLocalStorage } from "node:async_hooks";

/** Ends one turn, because what it has started threw an error that nobody caught. */
export type FailTurn = (error: unknown) => void;

let turns: AsyncLocalStorage<FailTurn> | undefined;

/** Runs the callback of a turn: what it starts, also what it does not wait for, is known as its own from then on. */
export function takeTurn<Result>(fail: FailTurn, callback: () => Result): Result {
  if (turns === undefined) {
    const { AsyncLocalStorage: Storage } = process.getBuiltinModule("node:async_hooks");
    turns = new Storage();
  }
  return turns.run(fail, callback);
}

/** Called while an uncaught error is handled: ends the turn out of which it came, if it is still on. */
export function failTurn(error: unknown): void {
  turns?.getStore()?.(error);
}
