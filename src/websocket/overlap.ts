import { Alarm } from "./alarm.js";
import type { Connection } from "./connection.js";
import type { WebSocketManagerSettings } from "./options.js";

/** The former connection of a handover, which is closed a while after the new one has delivered its first message. */
export class Overlap {
  readonly #settings: WebSocketManagerSettings;
  readonly #alarm: Alarm;
  former: Connection | undefined;
  /** Whether the new one delivers, so that nothing is missed when the former one ends. */
  isSafe = false;

  constructor(settings: WebSocketManagerSettings) {
    this.#settings = settings;
    this.#alarm = new Alarm(settings.clock, true);
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
    this.#alarm.cancel();
    this.former = undefined;
    return former;
  }

  #closeAfter(wait: number): void {
    this.#alarm.set(() => this.take()?.close(), wait);
  }
}
