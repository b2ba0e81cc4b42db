import type { Worker } from "node:cluster";
import type { Clock } from "../../kernel/clock.js";
import { disposable } from "../../kernel/disposable.js";
import { type Answer, channelOf, type Order, orderIn, pack } from "./messages.js";
import { atMost } from "../wait.js";

/** How long the farewell to the primary may hold up the exit of a cluster's worker, in milliseconds. */
const FAREWELL_LIMIT = 1000;

/** Those above: the thread that started this one, or the primary process of the cluster. */
export interface Superior extends Disposable {
  /** Says what has become of this thread or process. */
  report(answer: Answer): void;
  /** Takes leave, so that nothing that is on its way here gets lost. */
  leave(clock: Clock): Promise<void>;
}

function above(obey: (order: Order) => void): Superior | undefined {
  const { isMainThread, BroadcastChannel, threadId } = process.getBuiltinModule("node:worker_threads");
  if (!isMainThread) {
    const channel = new BroadcastChannel(channelOf(threadId)).unref();
    channel.addEventListener("message", (event) => {
      const order = orderIn((event as MessageEvent).data);
      if (order !== undefined) obey(order);
    });
    return {
      report: (answer) => channel.postMessage(pack(answer)),
      leave: () => Promise.resolve(),
      ...disposable(() => channel.close()),
    };
  }
  // Asked first, because few processes have one, and loading it takes time.
  if (process.send === undefined) return undefined;
  // The types know only what `import` gives.
  const worker: Worker | undefined = Reflect.get(process.getBuiltinModule("node:cluster"), "worker");
  if (worker === undefined) return undefined;
  const heard = (message: unknown): void => {
    const order = orderIn(message);
    if (order !== undefined) obey(order);
  };
  process.on("message", heard);
  return {
    report(answer) {
      if (worker.isConnected()) worker.send(pack(answer), () => {});
    },
    // The primary answers behind the connections that it has handed over, which go back to it.
    async leave(clock) {
      if (!worker.isConnected()) return;
      const disconnected = new Promise((resolve) => worker.once("disconnect", resolve));
      worker.disconnect();
      await atMost(FAREWELL_LIMIT, disconnected, clock);
    },
    ...disposable(() => process.off("message", heard)),
  };
}

/**
 * Listens to those above, when there are any, and says that orders are obeyed from now on.
 *
 * @param begin told to begin a shutdown that may take `time` milliseconds.
 */
export function hearSuperior(begin: (reason: string, time: number) => void): Superior | undefined {
  const superior = above((order) => {
    superior?.report({ step: "here" });
    if (order.step === "begin") begin(order.reason, order.time);
  });
  superior?.report({ step: "here" });
  return superior;
}
