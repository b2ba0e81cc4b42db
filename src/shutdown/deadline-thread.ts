import type { Worker } from "node:worker_threads";
import { warn } from "../kernel/warning.js";
import { whyUninspectable } from "../process/inspector.js";
import { startThread, whyNoThread } from "../process/thread.js";
import { deadlineProgram } from "./deadline-program.js";
import { endProcess, exitNow, isEnding } from "./end-process.js";
import type { GracefulShutdownSettings } from "./options.js";
import { endingBecause } from "./unfinished.js";

/** Enforces the total deadline of one shutdown from outside the thread that it runs on. */
export interface Deadline {
  /** Sets which callback runs, for the report; `null` when all have ended and the process is about to end. */
  running(name: string | null): void;
  /** Ends the enforcement; with the last one the thread ends. */
  stop(): void;
}

/** What the thread is given when it starts. */
export interface DeadlineThreadData {
  /** The event that the thread emits on the main thread's `process`, with the `id` of the shutdown whose time is up. */
  readonly timeUp: string;
  /** Why the main thread cannot be interrupted, where it cannot. */
  readonly uninspectable: string | undefined;
}

/** What the thread is sent later; durations in milliseconds, points in time by `process.hrtime`, which all threads share. */
export type DeadlineOrder =
  | {
      readonly step: "begin";
      readonly id: number;
      readonly timeout: number;
      readonly until: number;
      readonly forceExitCode: number;
    }
  | { readonly step: "running"; readonly id: number; readonly name: string | null }
  | { readonly step: "stop"; readonly id: number }
  /** A process whose callbacks are over may take until then to end. */
  | { readonly step: "allow"; readonly until: number };

interface Thread {
  readonly worker: Worker;
  readonly timeUp: string;
}

const TIME_UP = "@kstlib/resilience/shutdown/";
const NO_THREAD = "KSTLIB_NO_DEADLINE_THREAD";
const NO_THREAD_MESSAGE = "a callback that blocks the thread can outlast the timeout of the shutdown";

// One thread serves all shutdowns, as long as there are any.
const enforced = new Map<number, GracefulShutdownSettings>();
let thread: Thread | undefined;
let lastId = 0;
let hasWarned = false;

function warnNoThread(error: unknown): void {
  warn(NO_THREAD, NO_THREAD_MESSAGE, error);
}

/**
 * Whether a deadline thread can be started, as far as that can be told without starting one, which takes tens of
 * milliseconds. If not, the first call warns; it is made at the installation, long before the thread is needed.
 */
export function canStartDeadlineThread(): boolean {
  const why = whyNoThread();
  if (why !== undefined && !hasWarned) {
    hasWarned = true;
    warn(NO_THREAD, `${NO_THREAD_MESSAGE}: ${why}`);
  }
  return why === undefined;
}

/**
 * Begins to enforce a deadline. In a worker there is none: the inspector reaches the main thread only, and a
 * worker's end is not the process's. Where no thread can be started, a warning says so and the shutdown goes on.
 *
 * @param until when the time is up, in milliseconds of `process.hrtime`.
 */
export function holdDeadline(settings: GracefulShutdownSettings, until: number): Deadline | undefined {
  if (!process.getBuiltinModule("node:worker_threads").isMainThread || !canStartDeadlineThread()) {
    return undefined;
  }
  try {
    thread ??= start();
  } catch (error) {
    warnNoThread(error);
    return undefined;
  }
  const id = ++lastId;
  enforced.set(id, settings);
  const { timeout, forceExitCode } = settings;
  tell({ step: "begin", id, timeout, until, forceExitCode });
  return {
    running: (name) => tell({ step: "running", id, name }),
    stop: () => release(id),
  };
}

/** Allows a process whose own callbacks have ended to wait for other copies of the package until then. */
export function allowUntil(until: number): void {
  tell({ step: "allow", until });
}

function tell(order: DeadlineOrder): void {
  thread?.worker.postMessage(order);
}

function start(): Thread {
  // Another copy of the package has a thread of its own.
  const timeUp = `${TIME_UP}${process.hrtime.bigint()}`;
  const workerData: DeadlineThreadData = { timeUp, uninspectable: whyUninspectable() };
  const worker = startThread(deadlineProgram, { name: "shutdown", workerData });
  worker.on("error", warnNoThread).unref();
  const main: NodeJS.EventEmitter = process;
  main.on(timeUp, endNow);
  return { worker, timeUp };
}

function release(id: number): void {
  if (!enforced.delete(id) || thread === undefined) return;
  tell({ step: "stop", id });
  if (enforced.size > 0) return;
  const main: NodeJS.EventEmitter = process;
  main.off(thread.timeUp, endNow);
  void thread.worker.terminate();
  thread = undefined;
}

/** Called by the deadline thread, in the middle of whatever blocks this one. */
function endNow(id: number): void {
  const settings = enforced.get(id);
  if (settings === undefined) return;
  const { forceExitCode } = settings;
  closeInspector();
  endingBecause("ended when the time was up");
  // The application's own asynchronous `exit` cannot go on: the time is up and the thread is blocked.
  if (isEnding() || endProcess(settings, forceExitCode) !== undefined) exitNow(forceExitCode);
  // The application's own `exit` has returned: the rest is up to the application.
  endingBecause(undefined);
  release(id);
}

/**
 * Under `--inspect` the exit would wait for the end of the inspector session that this runs in, which never comes
 * before the exit.
 */
function closeInspector(): void {
  const inspector = process.getBuiltinModule("node:inspector");
  if (inspector.url() !== undefined) inspector.close();
}
