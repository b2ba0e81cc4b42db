import type { Timer } from "../kernel/clock.js";
import type { Events } from "../kernel/events.js";
import { fraction } from "../kernel/rules.js";
import { warn } from "../kernel/warning.js";
import { backoff } from "../policies/retry/backoff.js";
import { Connection, type ConnectionEnd, type ConnectionOwner } from "./connection.js";
import { WebSocketManagerError } from "./errors.js";
import type { DisconnectInfo, WebSocketManagerEvents, WebSocketState } from "./events.js";
import type { WebSocketManagerSettings } from "./options.js";
import { PlannedReconnect } from "./planned-reconnect.js";
import type { WebSocketMessage } from "./socket.js";

/** A server that does not answer a close frame is waited for so long; milliseconds. */
const CLOSING = 5000;

/** What a link tells of, and asks for. */
export interface LinkOwner {
  /** A connection is open: what must be sent first is sent now. */
  opened(connection: Connection): void;
  message(connection: Connection, data: WebSocketMessage): void;
  /** There will be no further attempt. */
  gaveUp(error: WebSocketManagerError): void;
  /** Waiting is over: the state has changed. */
  changed(): void;
}

/** Keeps one connection open: makes the attempts, plans the delays between them, and hands over from one to the next. */
export class Link implements ConnectionOwner {
  readonly #url: string | (() => unknown);
  readonly #settings: WebSocketManagerSettings;
  readonly #events: Events<WebSocketManagerEvents>;
  readonly #owner: LinkOwner;
  readonly #planned: PlannedReconnect;
  #state: WebSocketState = "disconnected";
  /** The one in use. */
  #current: Connection | undefined;
  /** The one being opened, to replace the current one or none. */
  #opening: Connection | undefined;
  /** Those being closed, and how they are to be told of. */
  readonly #retired = new Map<Connection, Pick<DisconnectInfo, "reason" | "text">>();
  /** Of the next attempt. */
  #timer: Timer | undefined;
  /** The former connection of a handover until the new one has delivered something, and when it is closed. */
  #replaced: Connection | undefined;
  #overlap: Timer | undefined;
  #count = 0;
  #attempts = 0;
  #previousDelay: number | undefined;
  /** The last sign of life of the connection that was lost, on both clocks. */
  #lost: { readonly at: number; readonly wall: number } | undefined;
  /** Since when there has been no connection, on the monotonic clock. */
  #downSince: number | undefined;
  lastError: Error | undefined;
  /** Why there will be no further attempt. */
  failure: WebSocketManagerError | undefined;
  readonly counts = {
    connects: 0,
    disconnects: 0,
    proactiveDisconnects: 0,
    reactiveDisconnects: 0,
    failedAttempts: 0,
    lastConnectAt: null as number | null,
    lastDisconnectAt: null as number | null,
  };

  constructor(
    url: string | (() => unknown),
    settings: WebSocketManagerSettings,
    events: Events<WebSocketManagerEvents>,
    owner: LinkOwner,
  ) {
    this.#url = url;
    this.#settings = settings;
    this.#events = events;
    this.#owner = owner;
    this.#planned = new PlannedReconnect(settings, () => this.#renew());
  }

  get state(): WebSocketState {
    return this.#state;
  }

  get current(): Connection | undefined {
    return this.#current;
  }

  /** All that may deliver messages. */
  get connections(): Connection[] {
    return [this.#current, this.#opening, ...this.#retired.keys()].filter((one) => one !== undefined);
  }

  get attempts(): number {
    return this.#attempts;
  }

  /** Whether it is in vain to wait for this link. */
  get isDead(): boolean {
    const { clock, reconnect } = this.#settings;
    if (this.failure !== undefined || this.#state === "closed") return true;
    const { deadAfter } = reconnect;
    if (deadAfter === undefined || this.#downSince === undefined) return false;
    return clock.now() - this.#downSince >= deadAfter;
  }

  /** Begins, unless it has. */
  start(): void {
    if (this.#state !== "disconnected") return;
    this.#timer?.cancel();
    this.failure = undefined;
    this.#attempts = 0;
    this.#previousDelay = undefined;
    this.#downSince = this.#settings.clock.now();
    this.#become("connecting");
    this.#open();
  }

  /** Ends the connection on request; another is made after `reconnectAfter` milliseconds, if given. */
  disconnect(text: string, reconnectAfter: number | undefined): void {
    if (this.#state === "closing" || this.#state === "closed") return;
    const info = { reason: "requested", text } as const;
    this.#drop(1000, info, CLOSING);
    this.#become(reconnectAfter === undefined ? "disconnected" : "reconnecting");
    if (reconnectAfter === undefined) this.#downSince = undefined;
    else this.#later(reconnectAfter);
  }

  /** Ends everything. `closed` follows when all connections have ended. */
  close(code: number, text: string, timeout: number): void {
    if (this.#state === "closing" || this.#state === "closed") return;
    this.#state = "closing";
    this.#drop(code, { reason: "closed", text }, timeout);
    this.#owner.changed();
    this.#settle();
  }

  /** Ends everything at once. */
  terminate(): void {
    this.close(1000, "", CLOSING);
    for (const connection of this.connections) connection.terminate();
  }

  opened(connection: Connection): void {
    const { clock, connection: limits } = this.#settings;
    const before = this.#current;
    this.#opening = undefined;
    this.#current = connection;
    if (before !== undefined) {
      this.#retired.set(before, { reason: "scheduled", text: "" });
      this.#replaced = before;
      // Until the new one has delivered something, or has had the time to.
      this.#retireAfter(before, limits.timeout);
    }
    this.#downSince = undefined;
    this.counts.connects++;
    this.counts.lastConnectAt = clock.wallNow();
    this.#planned.arm();
    this.#owner.opened(connection);
    // A connection that ends while the subscriptions are sent has said so already.
    if (this.#current !== connection) return;
    const isHandover = before !== undefined;
    const lost = this.#lost;
    this.#lost = undefined;
    this.#state = "connected";
    this.#events.emit("connect", Object.freeze({ connects: this.counts.connects, isHandover }));
    if (lost !== undefined) this.#tellGap(lost);
    this.#owner.changed();
  }

  message(connection: Connection, data: WebSocketMessage): void {
    const replaced = this.#replaced;
    if (replaced !== undefined && connection === this.#current) {
      this.#replaced = undefined;
      this.#retireAfter(replaced, this.#settings.proactive?.overlap ?? 0);
    }
    this.#owner.message(connection, data);
  }

  ended(connection: Connection, end: ConnectionEnd): void {
    const { clock, reconnect } = this.#settings;
    const retired = this.#retired.get(connection);
    if (connection === this.#replaced) this.#replaced = undefined;
    if (retired !== undefined) {
      this.#retired.delete(connection);
      this.#told({ ...retired, code: end.code, wasProactive: true });
      this.#settle();
      return;
    }
    this.lastError = end.error ?? this.lastError;
    if (connection === this.#opening) {
      this.#opening = undefined;
      this.#attempts++;
      this.counts.failedAttempts++;
      const error =
        end.error ?? new WebSocketManagerError("ERR_WEBSOCKET_CONNECT", "the server closed the connection");
      this.#events.emit("error", error);
      this.#again(error, undefined, end.status);
      return;
    }
    if (connection !== this.#current) return;
    this.#current = undefined;
    this.#planned.cancel();
    const now = clock.now();
    this.#downSince = now;
    this.#lost ??= { at: connection.heardAt, wall: connection.heardWall };
    // One that ends at once would otherwise be made again and again without a delay.
    if (now - (connection.openedAt ?? now) >= reconnect.resetAfter) {
      this.#attempts = 0;
      this.#previousDelay = undefined;
    } else {
      this.#attempts++;
    }
    this.#state = "reconnecting";
    const { reason, code, text } = end;
    const info = this.#told({ reason, code, text, wasProactive: false });
    // One that was to replace it may be about to open.
    if (this.#opening === undefined) this.#again(undefined, info, undefined);
  }

  #become(state: WebSocketState): void {
    this.#state = state;
    this.#owner.changed();
  }

  #open(): void {
    const connection = new Connection(++this.#count, this.#url, this.#settings, this);
    this.#opening = connection;
    const work = connection.open();
    this.#settings.clock.track?.(work);
  }

  #later(wait: number): void {
    this.#timer?.cancel();
    this.#timer = this.#settings.clock.setTimer(() => {
      this.#timer = undefined;
      this.#open();
    }, wait);
  }

  /** Decides on another attempt, and when. */
  #again(error: Error | undefined, disconnect: DisconnectInfo | undefined, status: number | undefined): void {
    // A listener may have closed the manager.
    if (this.#opening !== undefined || this.#timer !== undefined) return;
    if (this.#current === undefined && this.#state !== "connecting" && this.#state !== "reconnecting") return;
    const { name, reconnect, random, shouldReconnect } = this.#settings;
    const isUnavailable =
      error instanceof WebSocketManagerError && error.code === "ERR_WEBSOCKET_UNAVAILABLE";
    const isLast = this.#attempts >= (reconnect.maxAttempts ?? Infinity);
    const attempt = Math.max(1, this.#attempts + (disconnect === undefined ? 0 : 1));
    let least: unknown = true;
    try {
      if (shouldReconnect !== undefined && !isUnavailable && !isLast) {
        least = shouldReconnect(Object.freeze({ disconnect, error, status, attempt }));
      }
    } catch (thrown) {
      warn("KSTLIB_LISTENER_FAILED", `shouldReconnect of websocket ${JSON.stringify(name)} failed`, thrown);
    }
    if (isUnavailable || isLast || least === false) {
      // The current one is still good: it is kept to its end.
      if (this.#current === undefined) this.#giveUp(error, disconnect);
      return;
    }
    const { delay: initial, maxDelay: max } = reconnect;
    const settings = { initial, factor: 2, max, jitter: "full" } as const;
    const drawn = random === undefined ? Math.random() : fraction(random());
    let delay = backoff(settings, attempt, this.#previousDelay, drawn);
    if (typeof least === "number" && least >= 0) delay = Math.max(delay, least * 1000);
    this.#previousDelay = delay;
    if (this.#current === undefined) this.#state = "reconnecting";
    this.#later(delay);
    this.#events.emit("reconnecting", Object.freeze({ attempt, delay: delay / 1000 }));
    this.#owner.changed();
  }

  #giveUp(error: Error | undefined, disconnect: DisconnectInfo | undefined): void {
    const { name } = this.#settings;
    const why =
      error?.message ?? `the connection ended: ${disconnect?.reason ?? "unknown"}, code ${disconnect?.code}`;
    this.failure =
      error instanceof WebSocketManagerError && error.code === "ERR_WEBSOCKET_UNAVAILABLE"
        ? error
        : new WebSocketManagerError(
            "ERR_WEBSOCKET_GAVE_UP",
            `websocket ${JSON.stringify(name)} gave up after ${this.#attempts} attempts: ${why}`,
            { cause: error },
          );
    this.#state = "disconnected";
    this.#owner.gaveUp(this.failure);
    this.#owner.changed();
  }

  /** The planned time has come. */
  #renew(): void {
    const current = this.#current;
    if (current === undefined || this.#opening !== undefined) return;
    if (this.#settings.proactive?.handover === true) {
      this.#attempts = 0;
      this.#open();
      return;
    }
    this.#lost = { at: current.heardAt, wall: current.heardWall };
    this.#drop(1000, { reason: "scheduled", text: "" }, CLOSING);
    this.#become("reconnecting");
    this.#later(0);
  }

  /** Closes the former connection of a handover later. */
  #retireAfter(connection: Connection, wait: number): void {
    this.#overlap?.cancel();
    this.#overlap = this.#settings.clock.setTimer(() => connection.close(1000, "", CLOSING), wait);
  }

  /** Ends all connections and attempts. */
  #drop(code: number, info: Pick<DisconnectInfo, "reason" | "text">, timeout: number): void {
    this.#planned.cancel();
    this.#timer?.cancel();
    this.#overlap?.cancel();
    this.#timer = this.#overlap = this.#replaced = undefined;
    const current = this.#current;
    const opening = this.#opening;
    this.#current = this.#opening = undefined;
    if (current !== undefined) this.#retired.set(current, info);
    opening?.terminate();
    for (const connection of this.#retired.keys()) connection.close(code, info.text, timeout);
  }

  /** Completes a closing when nothing is left. */
  #settle(): void {
    if (this.#state !== "closing" || this.#retired.size > 0) return;
    this.#become("closed");
  }

  #told(info: DisconnectInfo): DisconnectInfo {
    this.counts.disconnects++;
    if (info.wasProactive) this.counts.proactiveDisconnects++;
    else this.counts.reactiveDisconnects++;
    this.counts.lastDisconnectAt = this.#settings.clock.wallNow();
    const frozen = Object.freeze(info);
    this.#events.emit("disconnect", frozen);
    return frozen;
  }

  #tellGap(lost: { readonly at: number; readonly wall: number }): void {
    const { clock } = this.#settings;
    const seconds = (clock.now() - lost.at) / 1000;
    this.#events.emit("gap", Object.freeze({ seconds, from: lost.wall, to: clock.wallNow() }));
  }
}
