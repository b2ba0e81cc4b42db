/**
 * The count of pings and periods, modulo 2³², as a signed number. Written by the watched thread. A new period counts
 * like a ping, because it also ends what was known before.
 */
export const PINGS = 0;
/**
 * The count at the last timeout. Written by the supervision as soon as it finds one, so that whatever runs next on a
 * frozen thread can see it.
 */
export const FIRED = 1;
/** The count at the last look that found it changed. Written by the supervision. */
const SEEN = 2;
/** Whether synchronous code runs that may be interrupted: one of the values below. */
export const GUARD = 3;
const COUNTERS = 4;

/** Nothing to interrupt. */
export const OFF = 0;
/** The code may be interrupted. */
export const ARMED = 1;
/** An interruption is on its way: code that ends now must wait for it. */
export const INTERRUPTING = 2;

/** The memory that a watchdog shares with the thread that watches it. */
export class WatchCells {
  readonly counters: Int32Array<SharedArrayBuffer>;
  readonly #seenAt: Float64Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(COUNTERS * 4 + 8)) {
    this.counters = new Int32Array(buffer, 0, COUNTERS);
    this.#seenAt = new Float64Array(buffer, COUNTERS * 4);
  }

  get pings(): number {
    return Atomics.load(this.counters, PINGS);
  }

  /** Whether no ping and no period came since the last timeout. */
  get isTriggered(): boolean {
    return Atomics.load(this.counters, FIRED) === this.pings;
  }

  /** Notes that a timeout was found. */
  fire(pings: number): void {
    Atomics.store(this.counters, FIRED, pings);
  }

  /** Notes when the count was found to be `pings`, by the clock of the watched thread. */
  see(pings: number, now: number): void {
    this.#seenAt[0] = now;
    Atomics.store(this.counters, SEEN, pings);
  }

  /** When the count was first seen to be `pings`; `undefined` when it has not been. */
  seenAt(pings: number): number | undefined {
    return Atomics.load(this.counters, SEEN) === pings ? this.#seenAt[0] : undefined;
  }
}
