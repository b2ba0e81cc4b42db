import { Session } from "node:inspector";
import { threadId, workerData } from "node:worker_threads";
import { childProcesses } from "./children.js";
import {
  DeadlineMemory,
  type DeadlineOrder,
  ENDING,
  LEAVING,
  OVER,
  RUNNING,
  say,
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

function kill(why: string): void {
  say(`${why}; killing the process.`);
  process.kill(process.pid, "SIGKILL");
}

/** Ends what a callback waits for synchronously, such as `execSync`, so that the thread comes back to JavaScript. */
function killNewChildren(): void {
  for (const child of childProcesses()) {
    if (order.children.includes(child)) continue;
    say(`killing the child process ${child} that was started during the shutdown.`);
    try {
      process.kill(child, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
}

/** Whether the main thread has begun to end the process. */
function answered(state: number): boolean {
  return memory.waitWhile(state, ANSWER) !== state;
}

function strike(state: number): void {
  const what =
    state === LEAVING ? "the process does not end" : `${JSON.stringify(memory.running)} blocks the thread`;
  say(`the total of ${order.total} is over and ${what}; exiting with ${order.forceExitCode}.`);
  if (!order.inspectable) return kill("the permission model forbids to interrupt the thread");
  const session = new Session();
  session.connectToMainThread();
  session.post("Runtime.evaluate", {
    expression: `globalThis[Symbol.for(${JSON.stringify(strikeKey(threadId))})]?.()`,
    silent: true,
  });
  // The evaluation is on its way; a session left open would hold the exit up.
  session.disconnect();
  if (!answered(state)) {
    killNewChildren();
    if (!answered(state)) return kill("the thread is outside of JavaScript and cannot be interrupted");
  }
  if (memory.waitWhile(ENDING, EXIT) === ENDING) kill("the exit listeners block the thread, too");
}

function enforce(): void {
  let state = memory.waitWhile(RUNNING, order.deadline - sharedNow());
  if (state === RUNNING) state = memory.waitWhile(RUNNING, MARGIN);
  if (state === LEAVING) {
    // What is left of the total, and then the time that the output may take.
    state = memory.waitWhile(LEAVING, order.deadline - sharedNow());
    if (state === LEAVING) state = memory.waitWhile(LEAVING, order.leave + MARGIN);
  }
  if (state !== OVER) strike(state);
}

enforce();
