import type { Timer } from "../kernel/clock.js";
import type { Connection } from "./connection.js";
import type { WebSocketManagerSettings } from "./options.js";

/** The former connection of a handover, which is closed a while after the new one has delivered its first message. */
export class Overlap {
  readonly #settings: WebSocketManagerSettings;
  #timer: Timer | undefined;
  former: Connection | undefined;
  /** Whether the new one delivers, so that nothing is missed when the former one ends. */
  isSafe = false;

  constructor(settings: WebSocketManagerSettings) {
    this.#settings = settings;
  }

  /** A new connection was opened; the former one of a handover that was under way is closed now. */
  begin(former: Connection): void {
    this.take()?.close();
    this.former = former;
    this.isSafe = false;
    // A server may have nothing to say.
    this.#closeAfter(this.#settings.connection.timeout);
  }

  /** The new connection has delivered a message. */
  heard(): void {
    if (this.former === undefined || this.isSafe) return;
    this.isSafe = true;
    this.#closeAfter(this.#settings.proactive?.overlap ?? 0);
  }

  /** Ends it; gives the former connection, which is not closed. */
  take(): Connection | undefined {
    const { former } = this;
    this.#timer?.cancel();
    this.former = undefined;
    return former;
  }

  #closeAfter(wait: number): void {
    this.#timer?.cancel();
    this.#timer = this.#settings.clock.setTimer(() => this.take()?.close(), wait);
  }
}
