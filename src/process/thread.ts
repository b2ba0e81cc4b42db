import type { Worker, WorkerOptions } from "node:worker_threads";
import { isForbidden } from "./runtime.js";

/** Why no thread can be started, as far as that is known without starting one. */
export function whyNoThread(): string | undefined {
  return isForbidden("worker")
    ? "the permission model forbids worker threads; --allow-worker allows them"
    : undefined;
}

/**
 * Starts a thread on a program that is given as its text: where a bundler has put everything into one file, or a
 * package manager into an archive, there is no other file that it could be loaded from.
 *
 * @throws the runtime's error, where no thread can be started.
 */
export function startThread(
  program: string,
  options: Pick<WorkerOptions, "name" | "transferList" | "workerData">,
): Worker {
  // Not imported: a program that only imports the package should not wait for what threads need.
  const threads = process.getBuiltinModule("node:worker_threads");
  // Neither the flags nor the environment of the application may change what this thread loads.
  return new threads.Worker(program, { ...options, eval: true, execArgv: [], env: {} });
}
