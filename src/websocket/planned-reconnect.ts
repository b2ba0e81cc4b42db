import { Alarm } from "./alarm.js";
import { ask } from "./ask.js";
import type { WebSocketManagerSettings } from "./options.js";

/** A wall clock may be set while a boundary is waited for, so it is read again this often. Milliseconds. */
const LONGEST_WAIT = 60_000;

/** Tells when a connection is to be replaced. */
export class PlannedReconnect {
  readonly #settings: WebSocketManagerSettings;
  readonly #due: () => void;
  readonly #alarm: Alarm;

  constructor(settings: WebSocketManagerSettings, due: () => void) {
    this.#settings = settings;
    this.#due = due;
    this.#alarm = new Alarm(settings.clock, false);
  }

  /** Begins anew, with a connection that was opened now. */
  arm(): void {
    this.cancel();
    const { proactive, clock, name } = this.#settings;
    if (proactive === undefined) return;
    const { every, trigger } = proactive;
    if (every !== undefined) this.#alarm.set(this.#due, every);
    const boundary = Number(ask(name, "nextBoundary", () => trigger?.nextBoundary()));
    // A trigger that gives no time to come plans nothing.
    if (boundary > clock.wallNow()) this.#waitFor(boundary);
  }

  cancel(): void {
    this.#alarm.cancel();
  }

  #waitFor(boundary: number): void {
    const left = boundary - this.#settings.clock.wallNow();
    if (left <= 0) this.#due();
    else this.#alarm.set(() => this.#waitFor(boundary), Math.min(left, LONGEST_WAIT));
  }
}
