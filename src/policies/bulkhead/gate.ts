import { type Abortable, onAbort } from "../../kernel/abort.js";
import type { Clock, Timer } from "../../kernel/clock.js";
import { type Linked, LinkedList } from "../../kernel/linked-list.js";

interface Waiter extends Linked<Waiter> {
  grant(): void;
}

/** How many may pass at once; the others wait in the order they came. */
export class Gate {
  /** How many may be inside. */
  max: number;
  /** How many may wait. */
  maxQueue: number;
  #running = 0;
  readonly #waiters = new LinkedList<Waiter>();

  constructor(max: number, maxQueue: number) {
    this.max = max;
    this.maxQueue = maxQueue;
  }

  get running(): number {
    return this.#running;
  }

  get queued(): number {
    return this.#waiters.size;
  }

  /** Lets one in, unless it is full or somebody waits. */
  tryEnter(): boolean {
    if (this.#running >= this.max || this.#waiters.size > 0) return false;
    this.#running++;
    return true;
  }

  /** One that was inside leaves; who waits comes in. */
  leave(): void {
    this.#running--;
    this.serve();
  }

  /** Lets in who waits, as far as there is room; after a change of `max`. */
  serve(): void {
    for (let first = this.#waiters.head; first !== undefined; first = this.#waiters.head) {
      if (this.#running >= this.max) return;
      this.#waiters.remove(first);
      this.#running++;
      first.grant();
    }
  }

  /**
   * Waits for its turn.
   *
   * @param longest milliseconds.
   * @returns resolves with whether it is inside: not after `longest`, nor when `source` has aborted.
   */
  wait(clock: Pick<Clock, "setTimer">, longest: number, source: Abortable | undefined): Promise<boolean> {
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      let leave: (() => void) | undefined;
      const settle = (isInside: boolean): void => {
        timer?.cancel();
        leave?.();
        resolve(isInside);
      };
      const waiter: Waiter = { grant: () => settle(true) };
      const giveUp = (): void => {
        this.#waiters.remove(waiter);
        settle(false);
      };
      this.#waiters.push(waiter);
      if (longest < Infinity) timer = clock.setTimer(giveUp, longest);
      if (source !== undefined) leave = onAbort(source, giveUp);
    });
  }
}
