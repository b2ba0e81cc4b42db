import { startThread } from "../process/thread.js";
import { monitorProgram } from "./monitor-program.js";
import {
  CLOSED,
  type ForeignOrder,
  LISTENING,
  type MonitorAddress,
  type MonitorData,
  type Notice,
  type Order,
  ORDERS,
  receiveFrom,
  type ThreadData,
  type Threads,
  WAKE_CELLS,
} from "./monitor-protocol.js";
import { isNode } from "../process/runtime.js";

/** The key under which worker threads find the {@link MonitorAddress}; the number is the version of the protocol. */
const ADDRESS = "@kstlib/resilience/watchdog/1";

/** The channel that tells worker threads that the monitor has ended. */
function endChannel(channel: string): string {
  return `${channel}/ended`;
}

/** How long a worker thread waits for a monitor that is starting before it starts its own, in milliseconds. */
const START = 1000;

/** What is called when something comes from the monitor. */
export interface LinkListener {
  readonly heard: (notice: Notice) => void;
  /** The monitor has ended: because it was no longer needed, or because of `error`. */
  readonly ended: (error: unknown) => void;
}

/** A thread's end of its link to a monitor. */
export interface MonitorLink {
  /** Gives an order; says whether there is a monitor to take it. */
  send(order: Order): boolean;
  /** The next message of the monitor, if there is one. */
  receive(): Notice | undefined;
  close(): void;
}

/** Wakes the monitor; says whether there is one. */
function wakeUp(wake: Int32Array): boolean {
  const isOpen = Atomics.add(wake, ORDERS, 1) > CLOSED / 2;
  Atomics.notify(wake, ORDERS);
  return isOpen;
}

/** Starts a monitor. The main thread's monitor is that of the process: worker threads that start later find it. */
export function startMonitor(threads: Threads, thread: ThreadData, listener: LinkListener): MonitorLink {
  const { port1, port2 } = new threads.MessageChannel();
  const wake = new Int32Array(new SharedArrayBuffer(WAKE_CELLS * 4));
  const channel = thread.main && isNode ? `${ADDRESS}/${thread.key}` : undefined;
  const data: MonitorData = { wake, channel, port: port2, thread };
  try {
    startThread(monitorProgram, { name: "watchdog", workerData: data, transferList: [port2] })
      .on("error", (error) => listener.ended(error))
      .on("exit", () => listener.ended(undefined))
      .unref();
  } catch (error) {
    port1.close();
    throw error;
  }
  port1.on("message", listener.heard).unref();
  if (channel !== undefined) threads.setEnvironmentData(ADDRESS, { wake, channel });
  return {
    send(order) {
      port1.postMessage(order);
      return wakeUp(wake);
    },
    receive: () => receiveFrom(threads, port1) as Notice | undefined,
    close() {
      // The monitor may have crashed: no thread may join it any more.
      Atomics.store(wake, ORDERS, CLOSED);
      Atomics.notify(wake, LISTENING);
      port1.close();
      if (channel === undefined) return;
      const ends = new threads.BroadcastChannel(endChannel(channel));
      ends.postMessage("ended");
      ends.close();
    },
  };
}

/** Whether there is a monitor, which may have been started at the same time as this thread. */
function hasListener(wake: Int32Array): boolean {
  if (Atomics.load(wake, ORDERS) < CLOSED / 2) return false;
  Atomics.wait(wake, LISTENING, 0, START);
  return Atomics.load(wake, LISTENING) === 1;
}

function isAddress(value: unknown): value is MonitorAddress {
  return typeof value === "object" && value !== null && "wake" in value && "channel" in value;
}

/** Joins the monitor of the process from a worker thread; `undefined` where that is not possible. */
export function joinMonitor(
  threads: Threads,
  thread: ThreadData,
  listener: LinkListener,
): MonitorLink | undefined {
  // Without /proc a monitor cannot tell a thread that was terminated from one that is frozen.
  if (thread.main || thread.folder === undefined || !isNode) return undefined;
  const address: unknown = threads.getEnvironmentData(ADDRESS);
  if (!isAddress(address) || !hasListener(address.wake)) return undefined;
  const notices = new threads.BroadcastChannel(thread.key);
  const heard = (event: unknown): void => listener.heard((event as { readonly data: Notice }).data);
  Reflect.set(notices, "onmessage", heard);
  notices.unref();
  const { channel, wake } = address;
  const ends = new threads.BroadcastChannel(endChannel(channel));
  Reflect.set(ends, "onmessage", () => listener.ended(undefined));
  ends.unref();
  const send = (order: Order): boolean => {
    // Opened for this message only: an open channel also receives what all other threads send.
    const orders = new threads.BroadcastChannel(channel);
    const message: ForeignOrder = { thread, order };
    orders.postMessage(message);
    orders.close();
    return wakeUp(wake);
  };
  const leave = (): void => {
    send("forget all");
  };
  process.once("exit", leave);
  return {
    send,
    receive: () => receiveFrom(threads, notices) as Notice | undefined,
    close() {
      process.off("exit", leave);
      notices.close();
      ends.close();
    },
  };
}
