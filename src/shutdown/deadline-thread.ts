import { isMainThread, Worker } from "node:worker_threads";
import { formatDuration } from "../kernel/duration.js";
import { warn } from "../kernel/warning.js";
import { childProcesses } from "./children.js";
import {
  DeadlineMemory,
  type DeadlineOrder,
  ENDING,
  LEAVING,
  OVER,
  say,
  sharedNow,
  strikeKey,
} from "./deadline-memory.js";
import { FLUSH_LIMIT } from "./flush.js";

/** What enforces the total deadline of one shutdown from outside the thread that it runs on. */
export interface DeadlineThread {
  /** Says whose turn it is, for the report. */
  running(name: string): void;
  /** Says that the callbacks are over and the process is about to end. */
  leaving(): void;
  /** Calls the enforcement off and ends the thread. */
  stop(): void;
}

const NONE: DeadlineThread = { running() {}, leaving() {}, stop() {} };

/** The innermost frames of the application that is interrupted. */
function whereNow(): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 30;
  const { stack = "" } = new Error("where");
  Error.stackTraceLimit = limit;
  const frames = stack.split("\n").map((line) => line.trim());
  // Below the evaluation, which has no file, are the frames that it interrupted.
  const entry = frames.findIndex((frame) => /^at <anonymous>:1:\d+$/.test(frame));
  const own = frames.findIndex((frame) => frame.includes("run-hook.js:"));
  return frames
    .slice(entry + 1, own === -1 ? undefined : own)
    .filter((frame) => !frame.includes("node:internal"))
    .slice(0, 3)
    .join(" < ");
}

interface Enforcement {
  /** The total, in milliseconds from now. */
  readonly timeout: number;
  readonly forceExitCode: number;
  readonly exit: (code: number) => void;
}

/**
 * Starts the thread. In a worker there is none: the inspector reaches the main thread only, and a worker's
 * end is not the process's. Where no thread can be started, a warning says so and the shutdown goes on.
 */
export function startDeadlineThread({ timeout, forceExitCode, exit }: Enforcement): DeadlineThread {
  if (!isMainThread) return NONE;
  const memory = new DeadlineMemory();
  // The types know `permission` as always there; it is not without the permission model.
  const permission = process.permission as typeof process.permission | undefined;
  const order: DeadlineOrder = {
    memory: memory.buffer,
    deadline: sharedNow() + timeout,
    total: formatDuration(timeout / 1000),
    forceExitCode,
    leave: FLUSH_LIMIT,
    children: childProcesses(),
    inspectable: permission === undefined || permission.has("inspector"),
  };
  const failed = (error: unknown): void =>
    warn(
      "KSTLIB_NO_DEADLINE_THREAD",
      "the total deadline of the shutdown cannot be enforced while a callback blocks the thread",
      error,
    );
  let worker: Worker;
  try {
    worker = new Worker(new URL("./deadline-worker.js", import.meta.url), {
      workerData: order,
      // Neither the flags nor the environment of the program may change what this thread loads.
      execArgv: [],
      env: {},
    });
  } catch (error) {
    failed(error);
    return NONE;
  }
  worker.on("error", failed);
  worker.unref();
  const slot = Symbol.for(strikeKey(worker.threadId));
  // Runs in the middle of whatever blocks the thread, or when that is over: by then it may be too late.
  const strike = (): void => {
    if (memory.state === OVER) return;
    memory.state = ENDING;
    say(`stuck at: ${whereNow()}`);
    try {
      exit(forceExitCode);
    } finally {
      // Still here: the application gave an `exit` of its own, and the rest is up to it.
      memory.state = OVER;
    }
  };
  Object.defineProperty(globalThis, slot, { value: strike, configurable: true });
  return {
    running(name) {
      memory.running = name;
    },
    leaving() {
      memory.state = LEAVING;
    },
    stop() {
      memory.state = OVER;
      Reflect.deleteProperty(globalThis, slot);
    },
  };
}
