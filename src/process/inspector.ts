import type { Session } from "node:inspector";
import { realClock } from "../kernel/clock.js";

/** An answer of the main thread, and how many milliseconds it took. */
export interface Answer {
  readonly value: string;
  readonly took: number;
}

/** In the stack of a thread that waits for a debugger before it goes on. */
const WAITS_FOR_DEBUGGER = /waitForDebugger\]? \(node:inspector/;

/** Whether a debugger can attach, and what the thread is in. */
const DEBUGGED = `(() => {
  const url = process.getBuiltinModule("node:inspector").url();
  return url === undefined ? "" : new Error("now").stack;
})()`;

/**
 * Talks to the main thread from another one, also while it runs JavaScript that does not return: by an inspector
 * session opened for this alone, without a port.
 *
 * @returns what `talk` has settled with, `undefined` when it has not within `patience` milliseconds. What was
 * asked may then still be answered later.
 */
function converse<Result>(
  patience: number,
  talk: (session: Session, settle: (result: Result | undefined) => void) => void,
): Promise<Result | undefined> {
  return new Promise((resolve) => {
    const inspector = process.getBuiltinModule("node:inspector");
    const session = new inspector.Session();
    let settled = false;
    const settle = (result: Result | undefined): void => {
      if (settled) return;
      settled = true;
      timer.cancel();
      session.disconnect();
      resolve(result);
    };
    const timer = realClock.setTimer(() => settle(undefined), patience);
    session.connectToMainThread();
    talk(session, settle);
  });
}

function evaluate(session: Session, expression: string, tell: (value: string | undefined) => void): void {
  session.post("Runtime.evaluate", { expression, returnByValue: true, silent: true }, (error, reply) => {
    const value: unknown = error === null ? reply.result.value : undefined;
    tell(typeof value === "string" ? value : undefined);
  });
}

/** Evaluates an expression on the main thread, without enabling the debugger. */
export function evaluateOnMain(expression: string, patience: number): Promise<Answer | undefined> {
  const began = realClock.now();
  return converse(patience, (session, settle) => {
    evaluate(session, expression, (value) => {
      settle(value === undefined ? undefined : { value, took: realClock.now() - began });
    });
  });
}

/**
 * Whether a debugger has stopped the main thread, or the thread waits for one. Only where one can attach is the
 * debugger enabled for a moment, because that tells at once of a pause that is there; this session's end resumes
 * nothing that another session has paused.
 */
export async function isMainPaused(patience: number): Promise<boolean> {
  const paused = await converse<boolean>(patience, (session, settle) => {
    evaluate(session, DEBUGGED, (stack) => {
      if (stack === undefined || stack === "") settle(false);
      else if (WAITS_FOR_DEBUGGER.test(stack)) settle(true);
      else {
        session.on("Debugger.paused", () => settle(true));
        session.post("Debugger.enable");
        session.post("Debugger.disable", () => settle(false));
      }
    });
  });
  return paused === true;
}
