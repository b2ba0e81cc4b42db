import { type Answer, evaluateOnMain, isMainPaused } from "../../process/inspector.js";
import { pause } from "../../process/thread-clock.js";
import { writeStderr } from "../../process/write-stderr.js";
import { PULSE, REQUEST, type ThreadData } from "../monitor-protocol.js";
import type { Expired } from "./expired.js";

/** How long a thread that can run JavaScript may take to answer, in milliseconds. */
export const PATIENCE = 500;
/** The time between two looks at something that the monitor waits for, in milliseconds. */
const STEP = 10;

/** Waits until `isTrue`, at most {@link PATIENCE}; returns whether it is. */
export async function waitUntil(isTrue: () => boolean): Promise<boolean> {
  for (let waited = 0; waited < PATIENCE; waited += STEP) {
    if (isTrue()) return true;
    await pause(STEP);
  }
  return isTrue();
}

/** Asks the watched thread, and sees whether it is back. */
export class ThreadAccess {
  readonly data: ThreadData;
  #requests = 0;

  constructor(data: ThreadData) {
    this.data = data;
  }

  /** How often the event loop of the thread has answered. */
  get pulse(): number {
    return Atomics.load(this.data.control, PULSE);
  }

  /** Takes the lock of the thread, or goes on without it if another monitor keeps it for too long. */
  async lock(): Promise<void> {
    await waitUntil(() => Atomics.exchange(this.data.lock, 0, 1) === 0);
  }

  unlock(): void {
    Atomics.store(this.data.lock, 0, 0);
  }

  /** Begins a request; earlier ones are withdrawn. */
  nextRequest(): number {
    const request = ++this.#requests;
    Atomics.store(this.data.control, REQUEST, request);
    return request;
  }

  /** Calls a function, given as text, on the main thread with its hook and further arguments as JSON. */
  call(callee: string, ...args: readonly unknown[]): Promise<Answer | undefined> {
    const [hook, ...rest] = [this.data.key, ...args].map((value) => JSON.stringify(value));
    return this.evaluate(`(${callee})(${[`globalThis[Symbol.for(${hook})]`, ...rest].join(", ")})`);
  }

  /** Evaluates an expression on the main thread; `undefined` if there is no answer in time. */
  async evaluate(expression: string): Promise<Answer | undefined> {
    try {
      return await evaluateOnMain(expression, PATIENCE);
    } catch (error) {
      writeStderr(`[watchdog] the thread cannot be inspected: ${String(error)}\n`);
      return undefined;
    }
  }

  /** Whether a debugger has stopped the thread, at a breakpoint or before its first line. */
  async isPaused(): Promise<boolean> {
    const { main, uninspectable } = this.data;
    if (!main || uninspectable !== undefined) return false;
    try {
      return await isMainPaused(PATIENCE);
    } catch {
      // No access for the inspector: assume no debugger.
      return false;
    }
  }

  /** Whether the thread's event loop has run, or all these watchdogs have been pinged. */
  isBack(frozen: readonly Expired[], pulse: number): boolean {
    return frozen.every(({ cells, pings }) => cells.pings !== pings) || this.pulse !== pulse;
  }

  /** Gives a thread that has left native code the time to show that it goes on. */
  comesBack(frozen: readonly Expired[], pulse: number): Promise<boolean> {
    return waitUntil(() => this.isBack(frozen, pulse));
  }
}
