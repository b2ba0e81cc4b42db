import type { BroadcastChannel, MessagePort } from "node:worker_threads";
import type { FreezeLink } from "../heartbeat-file/freeze-link.js";
import type { WatchdogSettings } from "./options.js";
import type { Subject } from "./supervision.js";
import type { NotCountedInfo, TimeoutInfo } from "./timeout-info.js";

/** How often the event loop of the watched thread has answered. Written by that thread. */
export const PULSE = 0;
/** The number of the current request; earlier ones are withdrawn. Written by the monitor. */
export const REQUEST = 1;
/** The number of the request to exit that is carried out, negative if declined. Written by the watched thread. */
export const EXITING = 2;
/** 1 if a debugger could attach to the thread at its last answer. Written by the watched thread. */
export const DEBUGGABLE = 3;
export const CONTROL_CELLS = 4;

/** In the cells of a monitor, which all threads share: the count of orders, {@link CLOSED} when it has ended. */
export const ORDERS = 0;
/** 1 once the monitor receives the orders of worker threads. Written by the monitor. */
export const LISTENING = 1;
export const WAKE_CELLS = 2;
/** Far below any count of orders. */
export const CLOSED: number = -(2 ** 30);

/** What the monitor is told about a thread. */
export interface ThreadData {
  /**
   * Names the thread among all. The thread keeps its {@link FreezeHook} under the registered symbol of this name; a
   * worker thread gets its notices on the channel of this name.
   */
  readonly key: string;
  /** The first four cells above. */
  readonly control: Int32Array;
  /** Shared with the monitors of other copies of the package: see `threadLock`. */
  readonly lock: Int32Array;
  /** Whether it is the main thread, the only one that can be inspected. */
  readonly main: boolean;
  /** Why the thread cannot be inspected; `undefined` if it can. */
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

/** What the monitor thread starts with. */
export interface MonitorData {
  readonly wake: Int32Array;
  /** `undefined` when no worker thread can find this monitor. */
  readonly channel: string | undefined;
  /** To and from the thread that started it. */
  readonly port: MessagePort;
  readonly thread: ThreadData;
}

export type Threads = typeof import("node:worker_threads");

/** The next message that has arrived, if there is one. */
export function receiveFrom(
  { receiveMessageOnPort }: Pick<Threads, "receiveMessageOnPort">,
  source: MessagePort | BroadcastChannel,
): unknown {
  // The types allow only a port; Node takes both.
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

/** An order of a worker thread, which may be its first. */
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
  /** The request for a stack, which may be answered only after the freeze. */
  readonly request: number;
  readonly info: TimeoutInfo;
}

/** Time that was not counted and would otherwise have been a timeout. */
export interface NotCountedNotice {
  readonly id: number;
  readonly notCounted: NotCountedInfo;
}

/** From the monitor to the watched thread; each one also asks whether its event loop runs. */
export type Notice = TimeoutNotice | NotCountedNotice | "question";

/** What the monitor's evaluations use on the watched thread, possibly long after they were requested. */
export interface FreezeHook {
  readonly control: Int32Array;
  /** The last stack that was taken, even if it came too late for the monitor. */
  late?: { readonly request: number; readonly stack: string };
  /** Whether an interruption of the thread is on its way. */
  readonly isInterrupting: () => boolean;
  readonly subjects: ReadonlyMap<number, Subject>;
}
