import { realClock } from "../kernel/clock.js";

/** An answer of the main thread, and how many milliseconds it took. */
export interface Answer {
  readonly value: string;
  readonly took: number;
}

/**
 * Evaluates an expression on the main thread from another one, also while it runs JavaScript that does not
 * return: an inspector session opened for this alone, without a port and without the debugger.
 *
 * @returns `undefined` when the thread has not answered within `patience` milliseconds. The expression may
 * then still be evaluated later.
 */
export function evaluateOnMain(expression: string, patience: number): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const { Session } = process.getBuiltinModule("node:inspector");
    const session = new Session();
    const began = realClock.now();
    let settled = false;
    const settle = (answer: Answer | undefined): void => {
      if (settled) return;
      settled = true;
      timer.cancel();
      session.disconnect();
      resolve(answer);
    };
    const timer = realClock.setTimer(() => settle(undefined), patience);
    session.connectToMainThread();
    session.post("Runtime.evaluate", { expression, returnByValue: true, silent: true }, (error, reply) => {
      const value: unknown = error === null ? reply.result.value : undefined;
      settle(typeof value === "string" ? { value, took: realClock.now() - began } : undefined);
    });
  });
}
