import type { Clock, Timer } from "../kernel/clock.js";
import type { Delivery } from "./alert.js";
import type { AlertResult } from "./events.js";
import { together } from "./messages.js";

type Settle = (result: AlertResult) => void;

interface Grouped {
  readonly alert: Delivery;
  readonly settle: Settle;
}

/** Collects the alerts of a channel for a time, to be one message. */
export class Group {
  readonly #clock: Clock;
  /** In milliseconds; 0: each alert is a message. */
  readonly #length: number;
  readonly #most: number;
  readonly #ended: (message: Delivery, full: number, settle: Settle) => void;
  #grouped: Grouped[] = [];
  #timer: Timer | undefined;

  /** @param ended takes a message with the number of its alerts. */
  constructor(
    { clock, group, maxQueue }: { readonly clock: Clock; readonly group: number; readonly maxQueue: number },
    ended: (message: Delivery, full: number, settle: Settle) => void,
  ) {
    this.#clock = clock;
    this.#length = group;
    this.#most = maxQueue;
    this.#ended = ended;
  }

  /** Takes an alert, or says that it is full. */
  add(alert: Delivery, settle: Settle): boolean {
    if (this.#grouped.length >= this.#most) return false;
    this.#grouped.push({ alert, settle });
    if (this.#length === 0) this.end();
    else this.#timer ??= this.#clock.setTimer(() => this.end(), this.#length, { ref: false });
    return true;
  }

  /** Its time is over. */
  end(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const [first, ...others] = this.#grouped;
    this.#grouped = [];
    if (first === undefined) return;
    const message =
      others.length === 0 ? first.alert : together([first.alert, ...others.map(({ alert }) => alert)]);
    this.#ended(message, 1 + others.length, (result) => {
      for (const { settle } of [first, ...others]) settle(result);
    });
  }
}
