import type { MessagePort } from "node:worker_threads";
import type { OnFreeze } from "./options.js";
import type { TimeoutInfo } from "./timeout-info.js";

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
  /** The watched thread as the kernel numbers it (Linux). */
  readonly thread: number | undefined;
}

/** From the watched thread to the monitor. */
export type Order =
  | {
      readonly order: "watch";
      readonly id: number;
      readonly name: string;
      readonly timeout: number;
      readonly poll: number;
      readonly onFreeze: OnFreeze;
      readonly exitCode: number;
      readonly buffer: SharedArrayBuffer;
    }
  | { readonly order: "forget"; readonly id: number }
  | { readonly order: "end" };

/** From the monitor to the watched thread; each one is also a question whether its loop runs. */
export type Notice =
  | { readonly notice: "question" }
  | {
      readonly notice: "timeout";
      readonly id: number;
      readonly epoch: number;
      readonly pings: number;
      /** The request for a stack, which may be answered only when the thread is back. */
      readonly request: number;
      readonly info: TimeoutInfo;
    };

/** What the monitor evaluates on the watched thread, possibly much later than it asked. */
export interface FreezeHook {
  stack(request: number): string | undefined;
  /** Ends the process unless the request was withdrawn or the thread has come back to life. */
  exit(request: number, id: number, pulse: number, code: number): void;
}
