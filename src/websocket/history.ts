import type { Clock } from "../kernel/clock.js";
import type { Events } from "../kernel/events.js";
import type { Connection } from "./connection.js";
import type { DisconnectInfo, WebSocketManagerEvents } from "./events.js";

/** Counts connections and their ends, and knows since when messages may be missing. */
export class History {
  readonly #clock: Pick<Clock, "now" | "wallNow">;
  readonly #events: Events<WebSocketManagerEvents>;
  /** The last sign of life of the connection that was lost, on both clocks. */
  #lost: { readonly at: number; readonly wall: number } | undefined;
  readonly counts = {
    connects: 0,
    disconnects: 0,
    proactiveDisconnects: 0,
    reactiveDisconnects: 0,
    failedAttempts: 0,
    lastConnectAt: null as number | null,
    lastDisconnectAt: null as number | null,
  };

  constructor(clock: Pick<Clock, "now" | "wallNow">, events: Events<WebSocketManagerEvents>) {
    this.#clock = clock;
    this.#events = events;
  }

  opened(): void {
    this.counts.connects++;
    this.counts.lastConnectAt = this.#clock.wallNow();
  }

  /** The connection in use is no longer; what the server sends from now on may be missed. */
  lost({ heardAt, heardWall }: Connection): void {
    this.#lost ??= { at: heardAt, wall: heardWall };
  }

  /** Tells of the connection that is in use now, and of the gap before it. */
  tellConnect(isHandover: boolean): void {
    const lost = this.#lost;
    this.#lost = undefined;
    this.#events.emit("connect", Object.freeze({ connects: this.counts.connects, isHandover }));
    if (lost === undefined) return;
    const seconds = (this.#clock.now() - lost.at) / 1000;
    this.#events.emit("gap", Object.freeze({ seconds, from: lost.wall, to: this.#clock.wallNow() }));
  }

  tellDisconnect(info: DisconnectInfo): DisconnectInfo {
    this.counts.disconnects++;
    if (info.wasProactive) this.counts.proactiveDisconnects++;
    else this.counts.reactiveDisconnects++;
    this.counts.lastDisconnectAt = this.#clock.wallNow();
    const frozen = Object.freeze(info);
    this.#events.emit("disconnect", frozen);
    return frozen;
  }
}
