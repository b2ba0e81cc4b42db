import type { BroadcastChannel, MessagePort } from "node:worker_threads";
import type { FreezeLink } from "../heartbeat-file/freeze-link.js";
import type { WatchdogSettings } from "./options.js";
import type { Subject } from "./supervision.js";
import type { NotCountedInfo, TimeoutInfo } from "./timeout-info.js";

/** How often the watched thread has answered the monitor. Written by the watched thread. */
export const PULSE = 0;
/** The number of the last request that may still be carried out. Written by the monitor. */
export const REQUEST = 1;
/** The number of the request to exit that is being carried out, negative when declined. Written by the watched thread. */
export const EXITING = 2;
/** Whether a debugger could attach to the thread when it answered last. Written by the watched thread. */
export const DEBUGGABLE = 3;
export const CONTROL_CELLS = 4;

/** The cells of a monitor that all threads share: how many orders have been given, {@link CLOSED} after the last. */
export const ORDERS = 0;
/** Whether the monitor hears the orders of worker threads: 1 from then on. Written by the monitor. */
export const LISTENING = 1;
export const WAKE_CELLS = 2;
/** Far below any count of orders. */
export const CLOSED: number = -(2 ** 30);

/** What the monitor knows of a thread whose watchdogs it watches. */
export interface ThreadData {
  /**
   * Names the thread among all. The thread keeps its {@link FreezeHook} under the registered symbol of this name; a
   * worker thread gets its notices on the channel of this name.
   */
  readonly key: string;
  /** The cells above. */
  readonly control: Int32Array;
  /** Shared with the monitors of other copies of the package: see `threadLock`. */
  readonly lock: Int32Array;
  /** Whether it is the main thread, the only one that can be inspected. */
  readonly main: boolean;
  /** Why no thread can be inspected, where none can. */
  readonly uninspectable: string | undefined;
  /** The thread's folder in `/proc` (Linux). */
  readonly folder: string | undefined;
  /** By how much `performance.now()` of the thread is ahead of the clock that all threads share. */
  readonly ahead: number;
}

/** Where worker threads find the monitor of the process. */
export interface MonitorAddress {
  /** The cells above; the monitor waits on that of the orders. */
  readonly wake: Int32Array;
  /** The channel on which the monitor takes the orders of worker threads. */
  readonly channel: string;
}

/** What the monitor thread is given when it starts. */
export interface MonitorData {
  readonly wake: Int32Array;
  /** `undefined` when no worker thread can find this monitor. */
  readonly channel: string | undefined;
  /** To and from the thread that has started it. */
  readonly port: MessagePort;
  readonly thread: ThreadData;
}

export type Threads = typeof import("node:worker_threads");

/** The next message that waits to be received. */
export function receiveFrom(
  { receiveMessageOnPort }: Pick<Threads, "receiveMessageOnPort">,
  source: MessagePort | BroadcastChannel,
): unknown {
  // The types know a port alone; Node takes both.
  return receiveMessageOnPort(source as MessagePort)?.message;
}

/** A watchdog to watch. */
export interface WatchOrder extends Pick<
  WatchdogSettings,
  "name" | "timeout" | "pollInterval" | "onFreeze" | "exitCode" | "reportDirectory" | "maxReports"
> {
  readonly id: number;
  /** The heartbeat that is to say `frozen`. */
  readonly link: FreezeLink | undefined;
  readonly buffer: SharedArrayBuffer;
}

/** From a watched thread to the monitor. */
export type Order = WatchOrder | { readonly forget: number } | "forget all";

/** An order of a worker thread, which the monitor may not know yet. */
export interface ForeignOrder {
  readonly thread: ThreadData;
  readonly order: Order;
}

/** A timeout that the monitor has found. */
export interface TimeoutNotice {
  readonly id: number;
  /** The count of pings at which it was found. */
  readonly pings: number;
  /** When it was found, by the clock of the watched thread. */
  readonly at: number;
  /** The request for a stack, which may be answered only when the thread is back. */
  readonly request: number;
  readonly info: TimeoutInfo;
}

/** Time that was left out and would otherwise have been a timeout. */
export interface NotCountedNotice {
  readonly id: number;
  readonly notCounted: NotCountedInfo;
}

/** From the monitor to the watched thread; each one is also a question whether its loop runs. */
export type Notice = TimeoutNotice | NotCountedNotice | "question";

/** What the monitor's evaluations find on the watched thread, possibly much later than they were requested. */
export interface FreezeHook {
  readonly control: Int32Array;
  /** The stack that was taken last, also when it came too late for the monitor. */
  late?: { readonly request: number; readonly stack: string };
  /** Whether an interruption of the thread is on its way. */
  readonly isInterrupting: () => boolean;
  readonly subjects: ReadonlyMap<number, Subject>;
}
