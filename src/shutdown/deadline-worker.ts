import { writeSync } from "node:fs";
import { Session } from "node:inspector";
import { threadId, workerData } from "node:worker_threads";
import { realClock } from "../kernel/clock.js";
import {
  DeadlineMemory,
  type DeadlineOrder,
  LEAVING,
  OVER,
  RUNNING,
  sharedNow,
  strikeKey,
} from "./deadline-memory.js";

/**
 * How long the main thread has after the deadline to end things itself, in milliseconds. It counts from the
 * moment this thread runs after the deadline, so that a process that was stopped and continued gets it too.
 */
const MARGIN = 250;
/** How long JavaScript may take to answer before the thread counts as stuck outside of it, in milliseconds. */
const ANSWER = 300;
/** How long the `exit` listeners of the process may take, in milliseconds. */
const EXIT = 1000;

const order = workerData as DeadlineOrder;
const memory = new DeadlineMemory(order.memory);

function say(text: string): void {
  try {
    // The streams of a worker go through the main thread, which is blocked.
    writeSync(2, `[shutdown] ${text}\n`);
  } catch {
    // A closed or full stderr must not stop the enforcement.
  }
}

function kill(why: string): void {
  say(`${why}; killing the process.`);
  process.kill(process.pid, "SIGKILL");
}

/** The frames of the application, innermost first. */
function frames(stack: unknown): string {
  return String(stack)
    .split("\n")
    .slice(1)
    .map((line) => line.trim())
    .filter((line) => !line.includes("<anonymous>:1:") && !line.includes("node:internal"))
    .slice(0, 3)
    .join(" < ");
}

const STACK = `(() => {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 30;
  const { stack } = new Error();
  Error.stackTraceLimit = limit;
  return stack;
})()`;

function endProcess(session: Session): void {
  const late = realClock.setTimer(() => kill("the exit listeners block the thread, too"), EXIT);
  const expression = `globalThis[Symbol.for(${JSON.stringify(strikeKey(threadId))})]?.()`;
  session.post("Runtime.evaluate", { expression, silent: true }, () => {
    // An answer means that the process goes on: the application gave an `exit` of its own, or just came back.
    late.cancel();
    session.disconnect();
  });
}

function strike(): void {
  say(
    memory.state === LEAVING
      ? `the total of ${order.total} is over and the process does not end; exiting with ${order.forceExitCode}.`
      : `the total of ${order.total} is over and ${JSON.stringify(memory.running)} blocks the thread; exiting with ${order.forceExitCode}.`,
  );
  if (!order.inspectable) return kill("the permission model forbids to interrupt the thread");
  const stuck = realClock.setTimer(
    () => kill("the thread is outside of JavaScript and cannot be interrupted"),
    ANSWER,
  );
  const session = new Session();
  session.connectToMainThread();
  session.post(
    "Runtime.evaluate",
    { expression: STACK, returnByValue: true, silent: true },
    (error, answer) => {
      stuck.cancel();
      if (error === null) say(`stuck at: ${frames(answer.result.value)}`);
      endProcess(session);
    },
  );
}

function enforce(): void {
  let state = memory.waitWhile(RUNNING, order.deadline - sharedNow());
  if (state === RUNNING) state = memory.waitWhile(RUNNING, MARGIN);
  if (state === LEAVING) {
    // What is left of the total, and then the time that the output may take.
    state = memory.waitWhile(LEAVING, order.deadline - sharedNow());
    if (state === LEAVING) state = memory.waitWhile(LEAVING, order.leave + MARGIN);
  }
  if (state !== OVER) strike();
}

enforce();
