import { type Abortable, onAbort } from "../../kernel/abort.js";
import type { Clock, Timer } from "../../kernel/clock.js";
import { type Linked, LinkedList } from "../../kernel/linked-list.js";
import { Allowance, type Sent } from "./allowance.js";

interface Waiter extends Linked<Waiter> {
  enter(sent: Sent): void;
}

/** Lets requests through in the order of their arrival, when the origin's {@link Allowance} has room for them. */
export class Gate {
  readonly #clock: Pick<Clock, "now" | "setTimer">;
  readonly allowance: Allowance = new Allowance();
  readonly #waiters = new LinkedList<Waiter>();
  #timer: Timer | undefined;

  constructor(clock: Pick<Clock, "now" | "setTimer">) {
    this.#clock = clock;
  }

  /** How many wait. */
  get queued(): number {
    return this.#waiters.size;
  }

  /** Seconds until a request that comes now would enter if nobody else waited. */
  get wait(): number {
    const now = this.#clock.now();
    return Math.max(0, this.allowance.next(now) - now) / 1000;
  }

  get isIdle(): boolean {
    return this.queued === 0 && this.allowance.isIdle(this.#clock.now());
  }

  /** Enters if nobody has to wait. */
  tryEnter(): Sent | undefined {
    const now = this.#clock.now();
    const isOpen = this.#waiters.size === 0 && this.allowance.next(now) <= now;
    return isOpen ? this.allowance.send(now) : undefined;
  }

  /** Enters at once, or when it is its turn; rejects with the reason when `source` is aborted before. */
  enter(source: Abortable | undefined): Sent | Promise<Sent> {
    const atOnce = this.tryEnter();
    if (atOnce !== undefined) return atOnce;
    return new Promise((resolve, reject) => {
      let leave: (() => void) | undefined;
      const waiter: Waiter = {
        enter(sent) {
          leave?.();
          resolve(sent);
        },
      };
      this.#waiters.push(waiter);
      if (source !== undefined) {
        leave = onAbort(source, () => {
          leave?.();
          this.#waiters.remove(waiter);
          this.serve();
          reject(source.reason);
        });
      }
      this.serve();
    });
  }

  /** Lets in whom there is room for, after a change. */
  serve(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (let waiter = this.#waiters.head; waiter !== undefined; waiter = this.#waiters.head) {
      const now = this.#clock.now();
      const next = this.allowance.next(now);
      if (next > now) {
        this.#timer = this.#clock.setTimer(() => this.serve(), next - now);
        return;
      }
      this.#waiters.remove(waiter);
      waiter.enter(this.allowance.send(now));
    }
  }
}
