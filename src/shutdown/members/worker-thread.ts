import type { BroadcastChannel } from "node:worker_threads";
import type { Clock } from "../../kernel/clock.js";
import { show } from "../../kernel/show.js";
import { killOwnProcess } from "../../process/kill.js";
import type { Hook } from "../plan.js";
import { say } from "../say.js";
import { Members } from "./members.js";
import { channelOf, pack, replyIn } from "./messages.js";

/** The part of a `Worker` of `node:worker_threads` that `registerWorker` needs. */
export interface WorkerThread {
  readonly threadId: number;
  on(event: "exit", listener: (exitCode: number) => void): unknown;
  off(event: "exit", listener: (exitCode: number) => void): unknown;
  terminate(): Promise<unknown>;
}

/** The threads that are being terminated, with their names. */
const terminated = new Map<WorkerThread, string>();

/** A thread inside a system call cannot be terminated, and `process.exit` would wait for it forever. */
function killInstead(): void {
  const names = [...terminated.values()].map((name) => JSON.stringify(name)).join(", ");
  say(`the worker thread ${names} is outside of JavaScript and cannot be ended; killing the process.`);
  killOwnProcess(say);
}

/** Terminates a thread; an exit of the process meanwhile does not wait for it. */
async function endThread(name: string, worker: WorkerThread): Promise<void> {
  if (terminated.size === 0) process.on("exit", killInstead);
  terminated.set(worker, name);
  await worker.terminate();
  terminated.delete(worker);
  if (terminated.size === 0) process.off("exit", killInstead);
}

function isWorkerThread(worker: WorkerThread): boolean {
  const { threadId, on, off, terminate } = Object(worker) as Partial<WorkerThread>;
  return typeof threadId === "number" && [on, off, terminate].every((method) => typeof method === "function");
}

/**
 * Tracks a thread, to end it in its turn. Commands and replies have their own channel.
 *
 * @throws TypeError unless `worker` is like a `Worker`.
 */
export function trackWorker(
  name: string,
  worker: WorkerThread,
  clock: Clock,
  isBegun: () => boolean,
): Pick<Hook, "callback" | "members" | "release"> {
  if (!isWorkerThread(worker)) {
    throw new TypeError(`worker must be a Worker of node:worker_threads; got ${show(worker)}.`);
  }
  const { threadId } = worker;
  const members = new Members(clock, isBegun);
  // The id of a thread that has exited is -1.
  if (threadId === -1) return members.hook;

  const { BroadcastChannel: Channel } = process.getBuiltinModule("node:worker_threads");
  const channel: BroadcastChannel = new Channel(channelOf(threadId)).unref();
  channel.addEventListener("message", (event) => {
    const answer = replyIn((event as MessageEvent).data);
    if (answer !== undefined) members.replied(threadId, answer);
  });
  const release = (): void => {
    channel.close();
    worker.off("exit", exited);
  };
  const exited = (exitCode: number): void => {
    members.gone(threadId, exitCode, null);
    release();
  };
  worker.on("exit", exited);
  members.add(threadId, {
    name: `thread ${threadId}`,
    pid: null,
    say: (command) => channel.postMessage(pack(command)),
    dismiss: () => void worker.terminate(),
    kill: () => void endThread(name, worker),
  });
  return { ...members.hook, release };
}
