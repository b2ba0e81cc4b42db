import { startThread } from "../kernel/thread.js";
import { deadlineProgram } from "./deadline-program.js";
import { endProcess } from "./end-process.js";
import type { GracefulShutdownSettings } from "./options.js";
import { canStartDeadlineThread, warnNoDeadlineThread } from "./thread-check.js";

/** What enforces the total deadline of one shutdown from outside the thread that it runs on. */
export interface DeadlineThread {
  /** Says whose turn it is, for the report; `null` when the callbacks are over and the process is about to end. */
  running(name: string | null): void;
  /** Calls the enforcement off and ends the thread. */
  stop(): void;
}

/** What the thread is told when it starts. */
export interface DeadlineOrder {
  /** The event of the main thread's `process` that ends it. */
  readonly strike: string;
  /** The beginning of the shutdown by `process.hrtime`, the one clock that all threads of a process share. */
  readonly began: bigint;
  /** The total, in milliseconds. */
  readonly timeout: number;
  readonly forceExitCode: number;
  /** Whether an inspector session may be opened: where the permission model forbids it, asking aborts the process. */
  readonly inspectable: boolean;
}

/**
 * Starts the thread. In a worker there is none: the inspector reaches the main thread only, and a worker's
 * end is not the process's. Where no thread can be started, a warning says so and the shutdown goes on.
 */
export function startDeadlineThread({
  timeout,
  forceExitCode,
  exit,
}: GracefulShutdownSettings): DeadlineThread | undefined {
  // Not imported: whoever only imports the package should not wait for what threads need.
  const { isMainThread } = process.getBuiltinModule("node:worker_threads");
  if (!isMainThread || !canStartDeadlineThread()) return undefined;
  // The types know `permission` as always there; it is not without the permission model.
  const permission = process.permission as typeof process.permission | undefined;
  const began = process.hrtime.bigint();
  const strike = `@kstlib/resilience/shutdown/${began}`;
  const workerData: DeadlineOrder = {
    strike,
    began,
    timeout,
    forceExitCode,
    inspectable: permission?.has("inspector") ?? true,
  };
  try {
    const worker = startThread(deadlineProgram, { name: "shutdown", workerData });
    worker.on("error", warnNoDeadlineThread).unref();
    const main: NodeJS.EventEmitter = process;
    const stop = (): void => {
      main.removeAllListeners(strike);
      void worker.terminate();
    };
    main.on(strike, () => {
      endProcess(exit, forceExitCode);
      // Still here: the application gave an `exit` of its own, and the rest is up to it.
      stop();
    });
    return { running: (name) => worker.postMessage(name), stop };
  } catch (error) {
    warnNoDeadlineThread(error);
    return undefined;
  }
}
