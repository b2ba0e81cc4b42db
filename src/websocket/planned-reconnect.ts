import type { Timer } from "../kernel/clock.js";
import { warn } from "../kernel/warning.js";
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
    const { proactive, clock } = this.#settings;
    if (proactive === undefined) return;
    const { every, trigger } = proactive;
    if (every !== undefined) this.#timer = clock.setTimer(this.#due, every, { ref: false });
    else if (trigger !== undefined) this.#waitFor(this.#next());
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #next(): number {
    const { proactive, name } = this.#settings;
    try {
      return Number(proactive?.trigger?.nextBoundary());
    } catch (error) {
      warn("KSTLIB_LISTENER_FAILED", `nextBoundary of websocket ${JSON.stringify(name)} failed`, error);
      return NaN;
    }
  }

  #waitFor(boundary: number): void {
    const { clock } = this.#settings;
    const left = boundary - clock.wallNow();
    // A trigger that gives no time plans nothing.
    if (!Number.isFinite(left)) return;
    const passed = (): void => (left > LONGEST_WAIT ? this.#waitFor(boundary) : this.#due());
    this.#timer = clock.setTimer(passed, Math.max(0, Math.min(left, LONGEST_WAIT)), { ref: false });
  }
}
