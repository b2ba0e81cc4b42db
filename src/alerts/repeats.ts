import type { Clock, Timer } from "../kernel/clock.js";
import type { Delivery } from "./alert.js";
import type { Lane } from "./lane.js";
import { repeated } from "./messages.js";

interface Entry {
  readonly alert: Delivery;
  readonly lanes: readonly Lane[];
  readonly until: number;
  count: number;
}

/** Finds alerts that are equal to one that was sent not long ago, and tells their number when that time is over. */
export class Repeats {
  readonly #clock: Clock;
  readonly #window: number;
  readonly #most: number;
  /** By what makes alerts equal, in the order in which their time is over. */
  readonly #entries = new Map<string, Entry>();
  #timer: Timer | undefined;

  /** @param window in milliseconds; 0 for none. @param most how many alerts are remembered. */
  constructor(clock: Clock, window: number, most: number) {
    this.#clock = clock;
    this.#window = window;
    this.#most = most;
  }

  /** Whether it is a repetition, which is then counted; the first of its kind is remembered. */
  isRepeated(alert: Delivery, lanes: readonly Lane[]): boolean {
    if (this.#window === 0) return false;
    this.#expire();
    const { key, level, title, body } = alert;
    const what = JSON.stringify([key ?? [title, body], level, ...lanes.map(({ name }) => name)]);
    const entry = this.#entries.get(what);
    if (entry !== undefined) {
      entry.count++;
      return true;
    }
    this.#remember(what, alert, lanes);
    return false;
  }

  /** The repetitions of a key are told now: it is over. */
  end(key: string): void {
    for (const [what, entry] of this.#entries) {
      if (entry.alert.key === key) this.#tell(what, entry);
    }
  }

  /** Tells all repetitions. */
  endAll(): void {
    for (const [what, entry] of this.#entries) this.#tell(what, entry);
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #remember(what: string, alert: Delivery, lanes: readonly Lane[]): void {
    const [oldest] = this.#entries;
    if (oldest !== undefined && this.#entries.size >= this.#most) this.#tell(...oldest);
    this.#entries.set(what, { alert, lanes, until: this.#clock.now() + this.#window, count: 0 });
    this.#timer ??= this.#clock.setTimer(() => this.#due(), this.#window, { ref: false });
  }

  #due(): void {
    // The timer counts as set until then: one for those that go on would come too late for the next.
    this.#expire();
    this.#timer = undefined;
    const [first] = this.#entries.values();
    if (first === undefined) return;
    const wait = Math.max(0, first.until - this.#clock.now());
    this.#timer = this.#clock.setTimer(() => this.#due(), wait, { ref: false });
  }

  #expire(): void {
    const now = this.#clock.now();
    for (const [what, entry] of this.#entries) {
      if (entry.until > now) return;
      this.#tell(what, entry);
      // It goes on: the next repetitions are counted from here.
      if (entry.count > 0) this.#remember(what, entry.alert, entry.lanes);
    }
  }

  #tell(what: string, { alert, lanes, count, until }: Entry): void {
    this.#entries.delete(what);
    if (count === 0) return;
    // Of one that is over, or has to make room, not all of the time has gone by.
    const gone = this.#window - Math.max(0, until - this.#clock.now());
    const message = repeated(alert, count, gone, crypto.randomUUID());
    for (const lane of lanes) lane.tell(message);
  }
}
