import { readdirSync, readFileSync } from "node:fs";
import { Session } from "node:inspector";
import { parentPort, workerData } from "node:worker_threads";
import { realClock } from "../kernel/clock.js";
import { formatDuration } from "../kernel/duration.js";
import type { DeadlineOrder, DeadlineThreadData } from "./deadline-thread.js";
import { killProcess, say } from "./end-process.js";
import { FLUSH_LIMIT } from "./flush.js";
import { sharedNow } from "../kernel/shared-time.js";

/**
 * How long the main thread has after the deadline to end things itself, in milliseconds. It counts from the
 * moment this thread runs after the deadline, so that a process that was stopped and continued gets it too.
 */
const MARGIN = 600;
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

const NO_INSPECTOR = "this runtime cannot interrupt the thread";

const { strike: event, inspectable } = workerData as DeadlineThreadData;

/** One shutdown; times as in a {@link DeadlineOrder}. */
interface Held {
  readonly id: number;
  readonly timeout: number;
  readonly until: number;
  readonly forceExitCode: number;
  /** The callback whose turn it is; `null` when they are over, `undefined` before the first. */
  running: string | null | undefined;
}

const held = new Map<number, Held>();
/** Until when a process whose callbacks are over may take to end. */
let allowed = 0;
/** One strike after the other: the process ends by the first, unless its `exit` comes back. */
let strikes: Promise<void> = Promise.resolve();

function pause(delay: number): Promise<undefined> {
  return new Promise((resolve) => {
    realClock.setTimer(() => resolve(undefined), delay);
  });
}

function kill(why: string): void {
  say(`${why}; killing the process.`);
  killProcess();
}

/** What the kernel says; only Linux does, and only of what is still there. */
function told<Told>(ask: () => Told, otherwise: Told): Told {
  try {
    return ask();
  } catch {
    return otherwise;
  }
}

/** When a process or thread started, in clock ticks since the boot. */
function startOf(process: string): number {
  const stat = told(() => readFileSync(`/proc/${process}/stat`, "utf8"), "");
  // The name of the program, in parentheses, may itself have spaces and parentheses.
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
}

/** The children of one thread. */
function childrenOf(process: string, thread: string): readonly string[] {
  const children = told(() => readFileSync(`/proc/${process}/task/${thread}/children`, "utf8"), "");
  return children.split(" ").filter(Boolean);
}

/** A process and all that descend from it. */
function family(process: string): readonly string[] {
  const threads = told(() => readdirSync(`/proc/${process}/task`), []);
  return [process, ...threads.flatMap((thread) => childrenOf(process, thread)).flatMap(family)];
}

/**
 * Ends what a callback waits for synchronously, such as `execSync`, so that the thread comes back to JavaScript.
 * All descendants, because they hold the pipes of a shell that is gone. Children from before the shutdown, when
 * this thread started, are none of its business.
 */
function killNewChildren(): void {
  const began = startOf("thread-self");
  // The first thread of a process has the number of the process.
  const started = childrenOf("self", String(process.pid)).filter((child) => startOf(child) >= began);
  for (const child of started) {
    say(`killing the child process ${child} that was started during the shutdown.`);
    // All are found before the first is killed: its children would have another parent.
    for (const member of family(child)) told(() => process.kill(Number(member), "SIGKILL"), false);
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

/** A session with the main thread, or `undefined` where the runtime has none: Deno says so here, Bun at a question. */
function openSession(): Session | undefined {
  try {
    const session = new Session();
    session.connectToMainThread();
    return session;
  } catch {
    return undefined;
  }
}

/** Where the main thread is; `undefined` where the runtime cannot tell. */
function askForStack(session: Session): Promise<string | undefined> {
  return new Promise((resolve) => {
    session.post("Runtime.evaluate", { expression: STACK, silent: true }, (error, reply) => {
      resolve(error === null ? String(reply.result.value) : undefined);
    });
  });
}

/** What is known without asking the thread. */
function trouble({ running }: Held): string {
  if (running === null) return "the process does not end";
  if (running === undefined) return "the thread is blocked before the first callback";
  return `${JSON.stringify(running)} blocks the thread`;
}

async function strike(shutdown: Held): Promise<void> {
  const { id, timeout, forceExitCode } = shutdown;
  if (!held.has(id)) return;
  const total = formatDuration(timeout / 1000);
  say(`the total of ${total} is over and ${trouble(shutdown)}; exiting with ${forceExitCode}.`);
  if (!inspectable) return kill("the permission model forbids to interrupt the thread");
  const session = openSession();
  if (session === undefined) return kill(NO_INSPECTOR);
  const answered = askForStack(session).then((stack) => ({ stack }));
  let answer = await Promise.race([answered, pause(ANSWER)]);
  if (answer === undefined) {
    killNewChildren();
    answer = await Promise.race([answered, pause(ANSWER)]);
  }
  if (answer === undefined) return kill("the thread is outside of JavaScript and cannot be interrupted");
  const { stack } = answer;
  if (stack === undefined) return kill(NO_INSPECTOR);
  const place = innermost(stack);
  // Between two callbacks of the application there is none.
  if (place !== "") say(`stuck at: ${place}`);
  const expression = `process.emit(${JSON.stringify(event)}, ${id})`;
  session.post("Runtime.evaluate", { expression, silent: true });
  // The evaluation is on its way; a session left open would hold the exit up.
  session.disconnect();
  await pause(EXIT);
  if (held.has(id)) kill("the exit listeners block the thread, too");
}

/** The latest time at which anything that the process waits for may end. */
function latest(): number {
  return Math.max(allowed, ...[...held.values()].map(({ until }) => until));
}

async function enforce(shutdown: Held): Promise<void> {
  let until = 0;
  // A shutdown whose callbacks are over waits for the others, whose time may be longer.
  for (let next = shutdown.until; next > until; next = shutdown.running === null ? latest() : until) {
    until = next;
    await pause(until - sharedNow());
    await pause(MARGIN);
  }
  // The callbacks were in time, and the output may still take its own.
  if (shutdown.running === null) await pause(FLUSH_LIMIT);
  strikes = strikes.then(() => strike(shutdown));
}

parentPort?.on("message", (order: DeadlineOrder) => {
  if (order.step === "begin") {
    const shutdown: Held = { ...order, running: undefined };
    held.set(order.id, shutdown);
    void enforce(shutdown);
  } else if (order.step === "running") {
    const shutdown = held.get(order.id);
    if (shutdown !== undefined) shutdown.running = order.name;
  } else if (order.step === "stop") held.delete(order.id);
  else allowed = Math.max(allowed, order.until);
});
