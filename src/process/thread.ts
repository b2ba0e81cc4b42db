import type { Worker, WorkerOptions } from "node:worker_threads";
import { isForbidden } from "./runtime.js";

/** Why no thread can be started, as far as that is known without trying. */
export function whyNoThread(): string | undefined {
  return isForbidden("worker")
    ? "the permission model forbids worker threads; --allow-worker allows them"
    : undefined;
}

/**
 * Starts a thread on a program that is given as text: after a bundler or a package manager has put everything into one
 * file, there is no other file to load it from.
 *
 * @throws the runtime's error, where no thread can be started.
 */
export function startThread(
  program: string,
  options: Pick<WorkerOptions, "name" | "transferList" | "workerData">,
): Worker {
  // Not imported, so that a program that only imports the package does not load it.
  const threads = process.getBuiltinModule("node:worker_threads");
  // The flags and the environment of the application must not change what this thread loads.
  return new threads.Worker(program, { ...options, eval: true, execArgv: [], env: {} });
}
