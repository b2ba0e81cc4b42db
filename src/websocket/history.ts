import type { Clock } from "../kernel/clock.js";
import type { Events } from "../kernel/events.js";
import type { DisconnectInfo, WebSocketManagerEvents } from "./events.js";
import type { LastHeard, Moment } from "./last-heard.js";

/** Counts connections and their ends, and knows since when messages may be missing. */
export class History {
  readonly #clock: Pick<Clock, "now" | "wallNow">;
  readonly #events: Events<WebSocketManagerEvents>;
  /** Up to when the connection that was lost had delivered everything. */
  #lost: Moment | undefined;
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
  lost({ heardOf }: { readonly heardOf: LastHeard }): void {
    this.#lost ??= heardOf.moment;
  }

  /** Tells of the connection that is in use now, and of the gap before it. */
  tellConnect(isHandover: boolean): void {
    this.#events.emit("connect", Object.freeze({ connects: this.counts.connects, isHandover }));
    this.tellGap();
  }

  tellGap(): void {
    const lost = this.#lost;
    this.#lost = undefined;
    if (lost === undefined) return;
    const to = this.#clock.wallNow();
    // The wall clock may have been set back; the monotonic one stands still while the machine is asleep.
    const length = Math.max(this.#clock.now() - lost.at, to - lost.wall);
    this.#events.emit("gap", Object.freeze({ seconds: length / 1000, from: to - length, to }));
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
