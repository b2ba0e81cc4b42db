import { type Abortable, onAbort } from "../../kernel/abort.js";
import type { Clock, Timer } from "../../kernel/clock.js";
import { type Linked, LinkedList } from "../../kernel/linked-list.js";

/** Who waits for a permit. */
interface Waiter extends Linked<Waiter> {
  readonly source: Abortable | undefined;
  readonly granted: () => void;
  readonly refused: (reason: unknown) => void;
  timer?: Timer | undefined;
  /** Stops listening to `source`. */
  unlisten?: (() => void) | undefined;
}

/** How one waits for a permit. */
export interface Wait {
  readonly clock: Pick<Clock, "setTimer">;
  /** In milliseconds. */
  readonly timeout: number;
  readonly source: Abortable | undefined;
  /** What the waiter gets when its time is over. */
  readonly late: () => unknown;
}

/** So many permits, and the queue of those who wait for one, first in, first out. */
export class Permits {
  #limit: number;
  #running = 0;
  readonly #waiters = new LinkedList<Waiter>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get limit(): number {
    return this.#limit;
  }

  /** A lower limit takes no permit back; a higher one serves those who wait. */
  set limit(limit: number) {
    this.#limit = limit;
    this.#serve();
  }

  /** Permits that are taken. */
  get running(): number {
    return this.#running;
  }

  get queued(): number {
    return this.#waiters.size;
  }

  /** Takes a permit if there is one. Then nobody waits: whoever does has been served. */
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

  /** Resolves with a permit taken, or rejects with none. A timer is set only for a wait that has an end. */
  wait({ clock, timeout, source, late }: Wait): Promise<void> {
    return new Promise((granted, refused) => {
      const waiter: Waiter = { source, granted, refused };
      if (source !== undefined) waiter.unlisten = onAbort(source, () => this.#refuse(waiter, source.reason));
      if (timeout < Infinity) waiter.timer = clock.setTimer(() => this.#refuse(waiter, late()), timeout);
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
      // An aborted one is still here while other listeners of its signal are called.
      if (waiter.source?.aborted) this.#refuse(waiter, waiter.source.reason);
      else if (this.tryTake()) {
        this.#leave(waiter);
        waiter.granted();
      } else return;
    }
  }
}
