import type { AsyncLocalStorage } from "node:async_hooks";

/** Ends one turn, because code that it started threw an uncaught error. */
export type FailTurn = (error: unknown) => void;

let turns: AsyncLocalStorage<FailTurn> | undefined;
let inProgress = 0;

/** Runs the callback of a turn; until its end, errors of code that it starts, awaited or not, can be traced to it. */
export async function takeTurn<Result>(fail: FailTurn, callback: () => Promise<Result>): Promise<Result> {
  if (turns === undefined) {
    const { AsyncLocalStorage: Storage } = process.getBuiltinModule("node:async_hooks");
    turns = new Storage();
  }
  inProgress++;
  try {
    return await turns.run(fail, callback);
  } finally {
    // Before Node 24 a storage in use slows down every promise of a process, which may go on after the shutdown.
    if (--inProgress === 0) turns.disable();
  }
}

/** Called while an uncaught error is handled: ends the turn that it came from, if that is still running. */
export function failTurn(error: unknown): void {
  turns?.getStore()?.(error);
}
