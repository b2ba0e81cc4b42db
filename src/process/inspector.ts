import type { Session } from "node:inspector";
import { isForbidden, isNode } from "./runtime.js";
import { threadClock, within } from "./thread-clock.js";

/**
 * Why no thread can be inspected; `undefined` if one can. To be asked before each session: where the permission model
 * forbids the inspector, opening a session aborts the process.
 */
export function whyUninspectable(): string | undefined {
  if (!isNode || !process.features.inspector) return "this runtime lets no thread be inspected";
  return isForbidden("inspector") ? "the permission model forbids the inspector" : undefined;
}

/**
 * The text of a function that returns the stack below its argument, without the evaluation itself. Text, because a
 * bundler may insert helpers into a function, which the evaluated code could not reach.
 */
export const STACK_BELOW = `(callee) => {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 50;
  const holder = {};
  Error.captureStackTrace(holder, callee);
  Error.stackTraceLimit = limit;
  const [, evaluation = "", ...frames] = String(holder.stack).split("\\n");
  return (/^\\s+at <anonymous>:\\d+:/.test(evaluation) ? frames : [evaluation, ...frames]).join("\\n");
}`;

/**
 * Opens an inspector session with the main thread from another thread, without a port. It works even while the main
 * thread runs JavaScript that does not return.
 */
export function inspectMain(): Session {
  const inspector = process.getBuiltinModule("node:inspector");
  const session = new inspector.Session();
  session.connectToMainThread();
  return session;
}

/**
 * Evaluates an expression without enabling the debugger. Resolves with its value if that is a string, else with
 * `undefined`. Stays pending while the thread is in native code.
 */
export function evaluate(session: Session, expression: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    session.post("Runtime.evaluate", { expression, returnByValue: true, silent: true }, (error, reply) => {
      const value: unknown = error === null ? reply.result.value : undefined;
      resolve(typeof value === "string" ? value : undefined);
    });
  });
}

/** An answer of the main thread, and how many milliseconds it took. */
export interface Answer {
  readonly value: string;
  readonly took: number;
}

/**
 * Evaluates an expression on the main thread, in a session of its own.
 *
 * @returns `undefined` without an answer within `patience` milliseconds; the expression may still be evaluated later.
 */
export async function evaluateOnMain(expression: string, patience: number): Promise<Answer | undefined> {
  const began = threadClock.now();
  const session = inspectMain();
  const value = await within(evaluate(session, expression), patience);
  session.disconnect();
  return value === undefined ? undefined : { value, took: threadClock.now() - began };
}

/** The stack of the thread if a debugger can attach, else `""`. */
const STACK_IF_DEBUGGABLE = `(() => {
  const url = process.getBuiltinModule("node:inspector").url();
  return url === undefined ? "" : new Error("now").stack;
})()`;

/** Matches the stack of a thread that waits for a debugger. */
const WAITS_FOR_DEBUGGER = /waitForDebugger\]? \(node:inspector/;

async function isPaused(session: Session): Promise<boolean> {
  const stack = await evaluate(session, STACK_IF_DEBUGGABLE);
  if (stack === undefined || stack === "") return false;
  if (WAITS_FOR_DEBUGGER.test(stack)) return true;
  return new Promise((resolve) => {
    session.on("Debugger.paused", () => resolve(true));
    session.post("Debugger.enable");
    session.post("Debugger.disable", () => resolve(false));
  });
}

/**
 * Whether a debugger has stopped the main thread, or the thread waits for one. If a debugger can attach, this session
 * enables it for a moment, because it then reports an existing pause at once; a pause of another session goes on.
 */
export async function isMainPaused(patience: number): Promise<boolean> {
  const session = inspectMain();
  const paused = await within(isPaused(session), patience);
  session.disconnect();
  return paused === true;
}
