import { type Abortable, onAbort } from "../../kernel/abort.js";
import type { Clock, Timer } from "../../kernel/clock.js";
import { type Linked, LinkedList } from "../../kernel/linked-list.js";
import { Allowance, type Sent } from "./allowance.js";

/** Of a request that comes to a gate; times in milliseconds of its clock. */
export interface Arrival {
  /** Gives the place up when it is aborted. */
  readonly source: Abortable | undefined;
  /** When the call was made, which may have waited for something else. */
  readonly since: number;
  /** By then it must have entered. */
  readonly deadline: number;
  /** The error for one that would enter after its deadline, so many milliseconds from now. */
  late(wait: number): unknown;
}

interface Waiter extends Linked<Waiter> {
  readonly deadline: number;
  /** Ends listening to an abort. */
  leave: (() => void) | undefined;
  enter(sent: Sent): void;
  refuse(wait: number): void;
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

  get isRecovering(): boolean {
    return this.allowance.isRecovering(this.#clock.now());
  }

  get isIdle(): boolean {
    return this.queued === 0 && this.allowance.isIdle(this.#clock.now());
  }

  /** Enters if nobody has to wait. */
  tryEnter(isHeld?: boolean): Sent | undefined {
    const now = this.#clock.now();
    const isOpen = this.#waiters.size === 0 && this.allowance.next(now) <= now;
    return isOpen ? this.allowance.send(now, isHeld) : undefined;
  }

  /**
   * Enters at once, or when it is its turn; rejects with the reason when the source is aborted before. A pause that is longer
   * than it may wait is an error at once.
   */
  enter(arrival: Arrival): Sent | Promise<Sent> {
    const { source, since, deadline } = arrival;
    const { pausedUntil } = this.allowance;
    // It may have waited elsewhere until the pause was over.
    const atOnce = this.tryEnter(since < pausedUntil);
    if (atOnce !== undefined) return atOnce;
    if (deadline < pausedUntil) throw arrival.late(pausedUntil - this.#clock.now());
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        deadline,
        leave: undefined,
        enter: resolve,
        refuse(wait) {
          reject(arrival.late(wait));
        },
      };
      this.#waiters.push(waiter);
      if (source !== undefined) {
        waiter.leave = onAbort(source, () => {
          this.#remove(waiter);
          this.serve();
          reject(source.reason);
        });
      }
      this.serve();
    });
  }

  /** Lets nobody in until then, and refuses those that cannot wait as long. */
  pause(until: number): void {
    if (until <= this.allowance.pausedUntil) return;
    this.allowance.pausedUntil = until;
    const late: Waiter[] = [];
    for (let waiter = this.#waiters.head; waiter !== undefined; waiter = waiter.after)
      if (waiter.deadline < until) late.push(waiter);
    for (const waiter of late) this.#remove(waiter);
    this.serve();
    // Last, because somebody may listen.
    const wait = until - this.#clock.now();
    for (const waiter of late) waiter.refuse(wait);
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
      this.#remove(waiter);
      waiter.enter(this.allowance.send(now, true));
    }
  }

  #remove(waiter: Waiter): void {
    waiter.leave?.();
    this.#waiters.remove(waiter);
  }
}
