import { type Abortable, onAbort } from "../../kernel/abort.js";
import type { Clock, Timer } from "../../kernel/clock.js";
import { setFairTimer } from "../../kernel/fair-timer.js";
import { type Linked, LinkedList } from "../../kernel/linked-list.js";

/** A caller that waits for a permit. */
interface Waiter extends Linked<Waiter> {
  readonly source: Abortable | undefined;
  readonly granted: () => void;
  readonly refused: (reason: unknown) => void;
  timer?: Timer | undefined;
  /** Stops listening to `source`. */
  unlisten?: (() => void) | undefined;
}

/** How a caller waits for a permit. */
export interface Wait {
  readonly clock: Pick<Clock, "now" | "setTimer">;
  /** In milliseconds. */
  readonly timeout: number;
  readonly source: Abortable | undefined;
  /** Makes the error for a waiter whose time is over. */
  readonly late: () => unknown;
}

/** A number of permits and the queue of waiters for them, first in, first out. */
export class Permits {
  #limit: number;
  #running = 0;
  readonly #waiters = new LinkedList<Waiter>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** A lower limit takes no permit back; a higher one serves waiters. */
  set limit(limit: number) {
    this.#limit = limit;
    this.#serve();
  }

  /** Permits taken. */
  get running(): number {
    return this.#running;
  }

  get queued(): number {
    return this.#waiters.size;
  }

  /** Takes a permit if there is one. Then there are no waiters: a free permit goes to them first. */
  tryTake(): boolean {
    if (this.#running >= this.#limit) return false;
    this.#running++;
    return true;
  }

  /** Gives a permit back. */
  release(): void {
    this.#running--;
    if (this.#waiters.size > 0) this.#serve();
  }

  /** Resolves with a permit taken, or rejects with none. A timer is set only if the timeout is finite. */
  wait({ clock, timeout, source, late }: Wait): Promise<void> {
    return new Promise((granted, refused) => {
      const waiter: Waiter = { source, granted, refused };
      if (source !== undefined) waiter.unlisten = onAbort(source, () => this.#refuse(waiter, source.reason));
      if (timeout < Infinity) waiter.timer = setFairTimer(clock, () => this.#refuse(waiter, late()), timeout);
      this.#waiters.push(waiter);
    });
  }

  #refuse(waiter: Waiter, reason: unknown): void {
    this.#leave(waiter);
    waiter.refused(reason);
  }

  #leave(waiter: Waiter): void {
    this.#waiters.remove(waiter);
    waiter.timer?.cancel();
    waiter.unlisten?.();
  }

  #serve(): void {
    for (let waiter = this.#waiters.head; waiter; waiter = this.#waiters.head) {
      // An aborted waiter is still queued while other listeners of its signal run.
      if (waiter.source?.aborted) this.#refuse(waiter, waiter.source.reason);
      else if (this.tryTake()) {
        this.#leave(waiter);
        waiter.granted();
      } else return;
    }
  }
}
