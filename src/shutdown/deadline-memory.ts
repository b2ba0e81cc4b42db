import { writeSync } from "node:fs";

/** What a shutdown is doing, as both threads see it. */
export const RUNNING = 0;
/** The callbacks are over; the output is written and the process about to end. */
export const LEAVING = 1;
/** The deadline has struck and the main thread is ending the process. */
export const ENDING = 2;
/** Nothing to enforce any more. */
export const OVER = 3;

const HEADER = 8;
const LONGEST_NAME = 256;

/** What the thread is told when it starts. */
export interface DeadlineOrder {
  readonly memory: SharedArrayBuffer;
  /** By `process.hrtime`, the one clock that all threads of a process share; in milliseconds. */
  readonly deadline: number;
  /** The total in the words of the report, such as `30s`. */
  readonly total: string;
  readonly forceExitCode: number;
  /** How long leaving may take, in milliseconds. */
  readonly leave: number;
  /** The child processes from before the shutdown; they are none of its business. */
  readonly children: readonly number[];
  /** Whether an inspector session may be opened: where the permission model forbids it, asking aborts the process. */
  readonly inspectable: boolean;
}

/** The state of a shutdown and the name of the running callback, shared with the deadline thread. */
export class DeadlineMemory {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #name: Uint8Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(HEADER + LONGEST_NAME)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer, 0, 2);
    this.#name = new Uint8Array(buffer, HEADER);
  }

  get state(): number {
    return Atomics.load(this.#words, 0);
  }

  set state(state: number) {
    Atomics.store(this.#words, 0, state);
    Atomics.notify(this.#words, 0);
  }

  /** The callback whose turn it is; longer names are cut. */
  get running(): string {
    // The decoder refuses shared memory, hence the copy.
    return new TextDecoder().decode(this.#name.slice(0, Atomics.load(this.#words, 1)));
  }

  set running(name: string) {
    const bytes = new TextEncoder().encode(name).subarray(0, LONGEST_NAME);
    this.#name.set(bytes);
    Atomics.store(this.#words, 1, bytes.length);
  }

  /** Blocks the calling thread while the state is `state`, `delay` milliseconds at most; returns the state then. */
  waitWhile(state: number, delay: number): number {
    Atomics.wait(this.#words, 0, state, Math.max(0, delay));
    return this.state;
  }
}

/** The global symbol under which the main thread leaves, for one deadline thread, the function that ends the process. */
export function strikeKey(thread: number): string {
  return `@kstlib/resilience/shutdown-deadline/${thread}`;
}

/** The time of the clock that all threads share, in milliseconds. */
export function sharedNow(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Writes a line to stderr at once: its stream is asynchronous, and in a worker goes through the blocked main thread. */
export function say(text: string): void {
  try {
    writeSync(2, `[shutdown] ${text}\n`);
  } catch {
    // A closed or full stderr must not stop the enforcement.
  }
}
