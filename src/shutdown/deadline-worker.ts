import { parentPort, workerData } from "node:worker_threads";
import { formatDuration } from "../kernel/duration.js";
import { evaluate, inspectMain, STACK_BELOW } from "../process/inspector.js";
import { killOwnProcess } from "../process/kill.js";
import { pause, sharedNow, within } from "../process/thread-clock.js";
import type { DeadlineOrder, DeadlineThreadData } from "./deadline-thread.js";
import { FLUSH_LIMIT } from "./flush.js";
import { killNewChildren } from "./new-children.js";
import { say } from "./say.js";

/**
 * How long the main thread has after the deadline to end things itself, in milliseconds. It counts from the
 * moment this thread runs after the deadline, so that a process that was stopped and continued gets it too.
 */
const MARGIN = 600;
/** How long the main thread may take to answer, in milliseconds, before it counts as stuck outside of JavaScript. */
const ANSWER = 300;
/** How long the `exit` listeners of the process may take, in milliseconds. */
const EXIT = 1000;

/** Evaluated on the main thread while code blocks it. */
const STACK = `(function stack() { return (${STACK_BELOW})(stack); })()`;

const { timeUp, uninspectable } = workerData as DeadlineThreadData;

/** One shutdown; times as in a {@link DeadlineOrder}. */
interface Shutdown {
  readonly id: number;
  readonly timeout: number;
  readonly until: number;
  readonly forceExitCode: number;
  /** The running callback; `null` when all have ended, `undefined` before the first. */
  running: string | null | undefined;
}

const enforced = new Map<number, Shutdown>();
/** Until when a process whose callbacks have ended may take to end. */
let allowed = 0;
/** One after the other: the process ends with the first, unless the application's own `exit` returns. */
let endings: Promise<void> = Promise.resolve();

function kill(why: string): void {
  say(`${why}; killing the process.`);
  killOwnProcess(say);
}

/** The innermost frames of the application in the result of {@link STACK}. */
function innermost(stack: string): string {
  const frames = stack
    .split("\n")
    .map((line) => line.trim())
    .filter((frame) => !frame.includes("node:internal"));
  const own = frames.findIndex((frame) =>
    /^at (?:async )?(?:callHook|settleAbortable|runAbortable|runHook|runContained|(?:ShutdownRun\.)?#begin) /.test(
      frame,
    ),
  );
  return frames
    .slice(0, own === -1 ? undefined : own)
    .slice(0, 3)
    .join(" < ");
}

/** What prevents the end, as far as this thread knows. */
function trouble({ running }: Shutdown): string {
  if (running === null) return "the process does not end";
  if (running === undefined) return "the thread is blocked before the first callback";
  return `${JSON.stringify(running)} blocks the thread`;
}

/** Reports where the main thread is and has it end the process; returns why that is not possible. */
async function interrupt({ id }: Shutdown): Promise<string | undefined> {
  const session = inspectMain();
  const answered = evaluate(session, STACK).then((stack = "") => ({ stack }));
  let answer = await within(answered, ANSWER);
  if (answer === undefined) {
    killNewChildren();
    answer = await within(answered, ANSWER);
  }
  if (answer === undefined) return "the thread is outside of JavaScript and cannot be interrupted";
  const place = innermost(answer.stack);
  // Between two callbacks, no frame belongs to the application.
  if (place !== "") say(`stuck at: ${place}`);
  void evaluate(session, `process.emit(${JSON.stringify(timeUp)}, ${id})`);
  // The evaluation has been sent; an open session would delay the exit.
  session.disconnect();
  return undefined;
}

async function end(shutdown: Shutdown): Promise<void> {
  const { id, timeout, forceExitCode } = shutdown;
  if (!enforced.has(id)) return;
  const total = formatDuration(timeout / 1000);
  say(`the total of ${total} is over and ${trouble(shutdown)}; exiting with ${forceExitCode}.`);
  const why = uninspectable ?? (await interrupt(shutdown));
  if (why !== undefined) return kill(why);
  await pause(EXIT);
  if (enforced.has(id)) kill("the exit listeners block the thread, too");
}

/** The latest time at which anything that the process waits for may end. */
function latest(): number {
  return Math.max(allowed, ...[...enforced.values()].map(({ until }) => until));
}

async function enforce(shutdown: Shutdown): Promise<void> {
  let until = 0;
  // A shutdown whose callbacks have ended waits for the others, whose time may be longer.
  for (let next = shutdown.until; next > until; next = shutdown.running === null ? latest() : until) {
    until = next;
    await pause(until - sharedNow());
    await pause(MARGIN);
  }
  // The callbacks were in time; writing the output may take longer.
  if (shutdown.running === null) await pause(FLUSH_LIMIT);
  endings = endings.then(() => end(shutdown));
}

parentPort?.on("message", (order: DeadlineOrder) => {
  if (order.step === "begin") {
    const shutdown: Shutdown = { ...order, running: undefined };
    enforced.set(order.id, shutdown);
    void enforce(shutdown);
  } else if (order.step === "running") {
    const shutdown = enforced.get(order.id);
    if (shutdown !== undefined) shutdown.running = order.name;
  } else if (order.step === "stop") enforced.delete(order.id);
  else allowed = Math.max(allowed, order.until);
});
