import { readFileSync } from "node:fs";
import { Session } from "node:inspector";
import { parentPort, workerData } from "node:worker_threads";
import { realClock } from "../kernel/clock.js";
import { formatDuration } from "../kernel/duration.js";
import type { DeadlineOrder } from "./deadline-thread.js";
import { say } from "./end-process.js";
import { FLUSH_LIMIT } from "./flush.js";

/**
 * How long the main thread has after the deadline to end things itself, in milliseconds. It counts from the
 * moment this thread runs after the deadline, so that a process that was stopped and continued gets it too.
 */
const MARGIN = 250;
/** How long JavaScript may take to answer before the thread counts as stuck outside of it, in milliseconds. */
const ANSWER = 300;
/** How long the `exit` listeners of the process may take, in milliseconds. */
const EXIT = 1000;

/** Evaluated on the main thread, in the middle of whatever blocks it. */
const STACK = `(() => {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 30;
  const { stack } = new Error("where");
  Error.stackTraceLimit = limit;
  return String(stack);
})()`;

const order = workerData as DeadlineOrder;

/** The callback whose turn it is; `null` when they are over, `undefined` before the first. */
let running: string | null | undefined;

function pause(delay: number): Promise<undefined> {
  return new Promise((resolve) => {
    realClock.setTimer(() => resolve(undefined), delay);
  });
}

function kill(why: string): void {
  say(`${why}; killing the process.`);
  process.kill(process.pid, "SIGKILL");
}

/** When a process or thread started, in clock ticks since the boot (Linux). */
function startOf(process: string): number {
  const stat = readFileSync(`/proc/${process}/stat`, "utf8");
  // The name of the program, in parentheses, may itself have spaces and parentheses.
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
}

/** The children of the main thread; only Linux tells, and only where its kernel was built to. */
function childProcesses(): readonly string[] {
  try {
    // The first thread of a process has the number of the process.
    return readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").split(" ").filter(Boolean);
  } catch {
    return [];
  }
}

/**
 * Ends what a callback waits for synchronously, such as `execSync`, so that the thread comes back to JavaScript.
 * Children from before the shutdown, when this thread started, are none of its business.
 */
function killNewChildren(): void {
  for (const child of childProcesses()) {
    try {
      if (startOf(child) < startOf("thread-self")) continue;
      say(`killing the child process ${child} that was started during the shutdown.`);
      process.kill(Number(child), "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
}

/** The innermost frames of the application out of a stack that was taken by {@link STACK}. */
function innermost(stack: string): string {
  const frames = stack
    .split("\n")
    .slice(1)
    .map((line) => line.trim())
    // The evaluation itself has no file; below it are the frames that it interrupted.
    .filter((frame) => !/^at <anonymous>:|node:internal/.test(frame));
  const own = frames.findIndex((frame) => frame.includes("run-hooks.js:"));
  return frames
    .slice(0, own === -1 ? undefined : own)
    .slice(0, 3)
    .join(" < ");
}

async function strike(): Promise<void> {
  const what =
    running === null ? "the process does not end" : `${JSON.stringify(running ?? "")} blocks the thread`;
  const total = formatDuration(order.timeout / 1000);
  say(`the total of ${total} is over and ${what}; exiting with ${order.forceExitCode}.`);
  if (!order.inspectable) return kill("the permission model forbids to interrupt the thread");
  const session = new Session();
  session.connectToMainThread();
  const evaluated = new Promise<string>((resolve) => {
    session.post("Runtime.evaluate", { expression: STACK, silent: true }, (error, reply) => {
      resolve(error === null ? String(reply.result.value) : "");
    });
  });
  let stack = await Promise.race([evaluated, pause(ANSWER)]);
  if (stack === undefined) {
    killNewChildren();
    stack = await Promise.race([evaluated, pause(ANSWER)]);
  }
  if (stack === undefined) return kill("the thread is outside of JavaScript and cannot be interrupted");
  say(`stuck at: ${innermost(stack)}`);
  const expression = `process.emit(${JSON.stringify(order.strike)})`;
  session.post("Runtime.evaluate", { expression, silent: true });
  // The evaluation is on its way; a session left open would hold the exit up.
  session.disconnect();
  await pause(EXIT);
  kill("the exit listeners block the thread, too");
}

async function enforce(): Promise<void> {
  const passed = Number(process.hrtime.bigint() - order.began) / 1e6;
  await pause(order.timeout - passed);
  await pause(MARGIN);
  // The callbacks were in time, and the output may still take its own.
  if (running === null) await pause(FLUSH_LIMIT);
  await strike();
}

parentPort?.on("message", (name: string | null) => {
  running = name;
});
void enforce();
