import type { Worker } from "node:worker_threads";
import { whyUninspectable } from "../process/inspector.js";
import { startThread } from "../process/thread.js";
import { deadlineProgram } from "./deadline-program.js";
import { endProcess, exitNow, isEnding } from "./end-process.js";
import type { GracefulShutdownSettings } from "./options.js";
import { canStartDeadlineThread, warnNoDeadlineThread } from "./thread-check.js";
import { endingBecause } from "./unfinished.js";

/** What enforces the total deadline of one shutdown from outside the thread that it runs on. */
export interface Deadline {
  /** Says whose turn it is, for the report; `null` when the callbacks are over and the process is about to end. */
  running(name: string | null): void;
  /** Calls the enforcement off; with the last one the thread ends. */
  stop(): void;
}

/** What the thread is told when it starts. */
export interface DeadlineThreadData {
  /** The event of the main thread's `process` that ends it, with the `id` of the shutdown whose time is up. */
  readonly strike: string;
  /** Why the main thread cannot be interrupted, where it cannot. */
  readonly uninspectable: string | undefined;
}

/** What the thread is told later; times in milliseconds, points in time of `process.hrtime`, which all threads share. */
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
  readonly strike: string;
}

const STRIKE = "@kstlib/resilience/shutdown/";

// One thread serves all shutdowns, as long as there are any.
const held = new Map<number, GracefulShutdownSettings>();
let thread: Thread | undefined;
let lastId = 0;

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
    warnNoDeadlineThread(error);
    return undefined;
  }
  const id = ++lastId;
  held.set(id, settings);
  const { timeout, forceExitCode } = settings;
  tell({ step: "begin", id, timeout, until, forceExitCode });
  return {
    running: (name) => tell({ step: "running", id, name }),
    stop: () => release(id),
  };
}

/** A process whose own callbacks are over waits for others until then. */
export function allowUntil(until: number): void {
  tell({ step: "allow", until });
}

function tell(order: DeadlineOrder): void {
  thread?.worker.postMessage(order);
}

function start(): Thread {
  // Another copy of the package has a thread of its own.
  const strike = `${STRIKE}${process.hrtime.bigint()}`;
  const workerData: DeadlineThreadData = { strike, uninspectable: whyUninspectable() };
  const worker = startThread(deadlineProgram, { name: "shutdown", workerData });
  worker.on("error", warnNoDeadlineThread).unref();
  const main: NodeJS.EventEmitter = process;
  main.on(strike, struck);
  return { worker, strike };
}

function release(id: number): void {
  if (!held.delete(id) || thread === undefined) return;
  tell({ step: "stop", id });
  if (held.size > 0) return;
  const main: NodeJS.EventEmitter = process;
  main.off(thread.strike, struck);
  void thread.worker.terminate();
  thread = undefined;
}

/** Called by the thread, in the middle of whatever blocks this one. */
function struck(id: number): void {
  const settings = held.get(id);
  if (settings === undefined) return;
  const { forceExitCode } = settings;
  closeInspector();
  endingBecause("ended when the time was up");
  // What is asynchronous in an `exit` of the application's own has no time any more, nor a thread to run on.
  if (isEnding() || endProcess(settings, forceExitCode) !== undefined) exitNow(forceExitCode);
  // Still here: it came back, and the rest is up to the application.
  endingBecause(undefined);
  release(id);
}

/**
 * Under `--inspect` the exit would wait for the session by which the thread got in here to be over, which it is not
 * before the exit.
 */
function closeInspector(): void {
  const inspector = process.getBuiltinModule("node:inspector");
  if (inspector.url() !== undefined) inspector.close();
}
