import type { MessagePort } from "node:worker_threads";
import type { FreezeLink } from "../heartbeat-file/freeze-link.js";
import type { OnFreeze } from "./options.js";
import type { Subject } from "./supervision.js";
import type { NotCountedInfo, TimeoutInfo } from "./timeout-info.js";

/** How often the watched thread has answered the monitor. Written by the watched thread. */
export const PULSE = 0;
/** The number of the last request that may still be carried out. Written by the monitor. */
export const REQUEST = 1;
/** The number of the request to exit that is being carried out, negative when declined. Written by the watched thread. */
export const EXITING = 2;
/** How many orders have been given. Written by the watched thread, which wakes the monitor with it. */
export const ORDERS = 3;
export const CONTROL_CELLS = 4;

/** What the monitor thread is given when it starts. */
export interface MonitorData {
  readonly port: MessagePort;
  readonly control: Int32Array;
  /** Under which registered symbol the watched thread keeps its {@link FreezeHook}. */
  readonly hook: string;
  /** Whether the watched thread is the main one, the only one that can be inspected. */
  readonly main: boolean;
  /** Whether the permission model lets a thread be inspected; asking where it does not aborts the process. */
  readonly mayInspect: boolean;
  /** The folder in which the kernel tells of the watched thread (Linux). */
  readonly folder: string | undefined;
  /** What `performance.now()` of the watched thread is ahead of the clock that all threads share. */
  readonly ahead: number;
}

/** The clock that all threads share, in milliseconds; each has a `performance.now()` of its own. */
export function sharedNow(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** A watchdog to watch; durations in milliseconds. */
export interface WatchOrder {
  readonly id: number;
  readonly name: string;
  readonly timeout: number;
  readonly pollInterval: number | undefined;
  readonly onFreeze: OnFreeze;
  readonly exitCode: number;
  /** Where to write reports; absolute. */
  readonly reportDirectory: string | undefined;
  /** The heartbeat that is to say `frozen`. */
  readonly link: FreezeLink | undefined;
  readonly buffer: SharedArrayBuffer;
}

/** From the watched thread to the monitor. */
export type Order = WatchOrder | { readonly forget: number } | "end";

/** A timeout that the monitor has found. */
export interface TimeoutNotice {
  readonly id: number;
  /** The count of pings at which it was found. */
  readonly pings: number;
  /** The request for a stack, which may be answered only when the thread is back. */
  readonly request: number;
  readonly info: TimeoutInfo;
}

/** Time that was left out and would else have been a timeout. */
export interface NotCountedNotice {
  readonly id: number;
  readonly notCounted: NotCountedInfo;
}

/** From the monitor to the watched thread; each one is also a question whether its loop runs. */
export type Notice = TimeoutNotice | NotCountedNotice | "question";

/** What the monitor finds on the watched thread when it evaluates there, possibly much later than it asked. */
export interface FreezeHook {
  readonly control: Int32Array;
  /** The stack that was taken last, also when it came too late for the monitor. */
  late?: { readonly request: number; readonly stack: string };
  /** Whether an interruption of the thread is on its way. */
  readonly isInterrupting: () => boolean;
  readonly subjects: ReadonlyMap<number, Subject>;
}
