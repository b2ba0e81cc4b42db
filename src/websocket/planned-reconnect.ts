import type { Timer } from "../kernel/clock.js";
import { ask } from "./ask.js";
import type { WebSocketManagerSettings } from "./options.js";

/** A wall clock may be set while a boundary is waited for, so it is read again this often. Milliseconds. */
const LONGEST_WAIT = 60_000;

/** Tells when a connection is to be replaced. */
export class PlannedReconnect {
  readonly #settings: WebSocketManagerSettings;
  readonly #due: () => void;
  #timer: Timer | undefined;

  constructor(settings: WebSocketManagerSettings, due: () => void) {
    this.#settings = settings;
    this.#due = due;
  }

  /** Begins anew, with a connection that was opened now. */
  arm(): void {
    this.cancel();
    const { proactive, clock, name } = this.#settings;
    if (proactive === undefined) return;
    const { every, trigger } = proactive;
    if (every !== undefined) this.#timer = clock.setTimer(this.#due, every, { ref: false });
    const boundary = Number(ask(name, "nextBoundary", () => trigger?.nextBoundary()));
    // A trigger that gives no time to come plans nothing.
    if (boundary > clock.wallNow()) this.#waitFor(boundary);
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #waitFor(boundary: number): void {
    const { clock } = this.#settings;
    const left = boundary - clock.wallNow();
    if (left <= 0) this.#due();
    else {
      const wait = Math.min(left, LONGEST_WAIT);
      this.#timer = clock.setTimer(() => this.#waitFor(boundary), wait, { ref: false });
    }
  }
}
