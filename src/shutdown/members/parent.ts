import type { Worker } from "node:cluster";
import type { Clock } from "../../kernel/clock.js";
import { disposable } from "../../kernel/disposable.js";
import { atMost } from "../at-most.js";
import { channelOf, type Command, commandIn, pack, type Reply } from "./messages.js";

/** How long a cluster's worker waits at its exit for the primary to answer, in milliseconds. */
const DISCONNECT_LIMIT = 1000;

/** The thread that started this one, or the primary process of this cluster's worker. */
export interface Parent extends Disposable {
  /** Sends a reply. */
  send(reply: Reply): void;
  /** Disconnects before the exit, so that no connection that the primary is handing over gets lost. */
  disconnect(clock: Clock): Promise<void>;
}

function connect(obey: (command: Command) => void): Parent | undefined {
  const hear = (message: unknown): void => {
    const command = commandIn(message);
    if (command !== undefined) obey(command);
  };
  const { isMainThread, BroadcastChannel, threadId } = process.getBuiltinModule("node:worker_threads");
  if (!isMainThread) {
    const channel = new BroadcastChannel(channelOf(threadId)).unref();
    channel.addEventListener("message", (event) => hear((event as MessageEvent).data));
    return {
      send: (reply) => channel.postMessage(pack(reply)),
      disconnect: () => Promise.resolve(),
      ...disposable(() => channel.close()),
    };
  }
  // Checked first: few processes have it, and loading node:cluster takes time.
  if (process.send === undefined) return undefined;
  // The types know only the namespace that `import` gives.
  const worker: Worker | undefined = Reflect.get(process.getBuiltinModule("node:cluster"), "worker");
  if (worker === undefined) return undefined;
  process.on("message", hear);
  return {
    send(reply) {
      if (worker.isConnected()) worker.send(pack(reply), () => {});
    },
    // The primary answers after it has taken back the connections that it had handed over.
    async disconnect(clock) {
      if (!worker.isConnected()) return;
      const disconnected = new Promise((resolve) => worker.once("disconnect", resolve));
      worker.disconnect();
      await atMost(DISCONNECT_LIMIT, disconnected, clock);
    },
    ...disposable(() => process.off("message", hear)),
  };
}

/**
 * Listens to the parent, when there is one, and tells it that this thread or process obeys commands.
 *
 * @param begin called with the command to begin a shutdown, which may take `time` milliseconds.
 */
export function listenToParent(begin: (reason: string, time: number) => void): Parent | undefined {
  const parent = connect((command) => {
    parent?.send({ step: "here" });
    if (command.step === "begin") begin(command.reason, command.time);
  });
  parent?.send({ step: "here" });
  return parent;
}
