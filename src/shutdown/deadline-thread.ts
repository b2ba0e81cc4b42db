import type { Worker } from "node:worker_threads";
import { warn } from "../kernel/warning.js";
import { whyUninspectable } from "../process/inspector.js";
import { startThread, whyNoThread } from "../process/thread.js";
import { deadlineProgram } from "./deadline-program.js";
import { endProcess, exitNow, isEnding } from "./end-process.js";
import type { GracefulShutdownSettings } from "./options.js";
import { endingBecause } from "./unfinished.js";

/** Enforces the total deadline of one shutdown from another thread. */
export interface Deadline {
  /** Sets the name of the running callback, for the report; `null` once all have ended. */
  running(name: string | null): void;
  /** Ends the enforcement; the thread ends with the last one. */
  stop(): void;
}

/** The data with which the thread is started. */
export interface DeadlineThreadData {
  /** The event that the thread emits on the main thread's `process`, with the `id` of the shutdown whose time is up. */
  readonly timeUp: string;
  /** Why the main thread cannot be interrupted; missing if it can. */
  readonly uninspectable: string | undefined;
}

/** A message to the thread. Durations are milliseconds, times those of `process.hrtime`, which all threads share. */
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
  /** Until when a process whose callbacks have ended may take to end. */
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
 * Whether a deadline thread can be started, as far as that is known without starting one, which takes tens of
 * milliseconds. If not, the first call warns; it is made by `install`, long before the thread is needed.
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
 * Begins to enforce a deadline. In a worker none is enforced: the inspector reaches only the main thread, and a
 * worker's end is not that of the process. If no thread can be started, there is a warning and the shutdown continues.
 *
 * @param until the deadline, in milliseconds of `process.hrtime`.
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
  // Unique, because another copy of the package has its own thread.
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

/** Called by the deadline thread while code blocks this one. */
function endNow(id: number): void {
  const settings = enforced.get(id);
  if (settings === undefined) return;
  const { forceExitCode } = settings;
  closeInspector();
  endingBecause("ended when the time was up");
  // The application's own asynchronous `exit` cannot continue, because the thread is blocked.
  if (isEnding() || endProcess(settings, forceExitCode) !== undefined) exitNow(forceExitCode);
  // The application's own `exit` has returned, so the application decides.
  endingBecause(undefined);
  release(id);
}

/**
 * Under `--inspect` the exit would wait for the end of the inspector session that runs this code: a deadlock.
 */
function closeInspector(): void {
  const inspector = process.getBuiltinModule("node:inspector");
  if (inspector.url() !== undefined) inspector.close();
}
