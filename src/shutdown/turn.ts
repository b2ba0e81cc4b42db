import type { AsyncLocalStorage } from "node:async_hooks";

/** Ends one turn, because what it has started threw an error that nobody caught. */
export type FailTurn = (error: unknown) => void;

let turns: AsyncLocalStorage<FailTurn> | undefined;
let inProgress = 0;

/** Runs the callback of a turn: what it starts, also what it does not wait for, is known as its own until its end. */
export async function takeTurn<Result>(fail: FailTurn, callback: () => Promise<Result>): Promise<Result> {
  if (turns === undefined) {
    const { AsyncLocalStorage: Storage } = process.getBuiltinModule("node:async_hooks");
    turns = new Storage();
  }
  inProgress++;
  try {
    return await turns.run(fail, callback);
  } finally {
    // A storage in use makes every promise of a process dearer that goes on afterwards, before Node 24.
    if (--inProgress === 0) turns.disable();
  }
}

/** Called while an uncaught error is handled: ends the turn out of which it came, if it is still on. */
export function failTurn(error: unknown): void {
  turns?.getStore()?.(error);
}
