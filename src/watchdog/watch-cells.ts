/** How many pings, modulo 2³². Written by the watched thread. */
export const PINGS = 0;
/** Which period this is; never 0. Written by the watched thread. */
export const EPOCH = 1;
/** The period and the count of pings of the last timeout. Written by whoever supervises. */
export const FIRED_EPOCH = 2;
export const FIRED_PINGS = 3;
/** The count of pings at the last look. Written by whoever supervises. */
export const SEEN = 4;
/** Whether synchronous code runs that may be interrupted: one of the values below. */
export const GUARD = 5;

/** Nothing to interrupt. */
export const OFF = 0;
/** The code may be interrupted. */
export const ARMED = 1;
/** The interruption is on its way; whoever leaves must wait for it. */
export const STRUCK = 2;
/** The interruption has arrived, in code nested deeper. */
export const DELIVERED = 3;

const COUNTERS = 6;

/** What one watchdog shares with the thread that watches it. */
export class WatchCells {
  readonly buffer: SharedArrayBuffer;
  readonly counters: Uint32Array;
  readonly #seenAt: BigInt64Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(COUNTERS * 4 + 8)) {
    this.buffer = buffer;
    this.counters = new Uint32Array(buffer, 0, COUNTERS);
    this.#seenAt = new BigInt64Array(buffer, COUNTERS * 4, 1);
  }

  get pings(): number {
    return Atomics.load(this.counters, PINGS);
  }

  get epoch(): number {
    return Atomics.load(this.counters, EPOCH);
  }

  /** Whether the last timeout belongs to this period and no ping came since. */
  get isTriggered(): boolean {
    return (
      Atomics.load(this.counters, FIRED_EPOCH) === this.epoch &&
      Atomics.load(this.counters, FIRED_PINGS) === this.pings
    );
  }

  /** Begins a period. */
  renew(): void {
    Atomics.store(this.counters, EPOCH, this.epoch + 1);
  }

  /** Says that a timeout was found. */
  fire(epoch: number, pings: number): void {
    Atomics.store(this.counters, FIRED_PINGS, pings);
    Atomics.store(this.counters, FIRED_EPOCH, epoch);
  }

  /** Says that the count is now known to be `pings`. */
  see(pings: number): void {
    Atomics.store(this.#seenAt, 0, process.hrtime.bigint());
    Atomics.store(this.counters, SEEN, pings);
  }

  /** The count at the last look that found it changed, and how many milliseconds ago that was. */
  seen(): { readonly pings: number; readonly ago: number } {
    const pings = Atomics.load(this.counters, SEEN);
    // Threads share this clock; each has a `performance.now()` of its own.
    return { pings, ago: Number(process.hrtime.bigint() - Atomics.load(this.#seenAt, 0)) / 1e6 };
  }
}
