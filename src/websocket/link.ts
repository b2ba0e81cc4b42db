import type { Timer } from "../kernel/clock.js";
import type { Events } from "../kernel/events.js";
import { Attempts, isUnavailable } from "./attempts.js";
import { Connection, type ConnectionEnd, type ConnectionOwner } from "./connection.js";
import { WebSocketManagerError } from "./errors.js";
import type { DisconnectInfo, WebSocketManagerEvents, WebSocketState } from "./events.js";
import type { WebSocketManagerSettings } from "./options.js";
import { History } from "./history.js";
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
  /** The former connection of a handover; `isCounting` once the new one has delivered something. */
  #overlap: { readonly former: Connection; readonly isCounting: boolean; readonly timer: Timer } | undefined;
  #count = 0;
  readonly #attempts: Attempts;
  /** Since when there has been no connection, on the monotonic clock. */
  #downSince: number | undefined;
  lastError: Error | undefined;
  /** Why there will be no further attempt. */
  failure: WebSocketManagerError | undefined;
  readonly history: History;

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
    this.history = new History(settings.clock, events);
    this.#attempts = new Attempts(settings);
    this.#planned = new PlannedReconnect(settings, () => this.#renew());
  }

  get state(): WebSocketState {
    return this.#state;
  }

  get current(): Connection | undefined {
    return this.#current;
  }

  get connections(): Connection[] {
    return [this.#current, this.#opening, ...this.#retired.keys()].filter((one) => one !== undefined);
  }

  get attempts(): number {
    return this.#attempts.failed;
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
    this.#attempts.reset();
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
    const before = this.#current;
    this.#opening = undefined;
    this.#current = connection;
    if (before !== undefined) {
      this.#retired.set(before, { reason: "scheduled", text: "" });
      // Until the new one has delivered something, or has had the time to.
      this.#retireAfter(before, this.#settings.connection.timeout, false);
    }
    this.#downSince = undefined;
    this.history.opened();
    this.#planned.arm();
    this.#owner.opened(connection);
    // A connection that ends while the subscriptions are sent has said so already.
    if (this.#current !== connection) return;
    this.#state = "connected";
    this.history.tellConnect(before !== undefined);
    this.#owner.changed();
  }

  message(connection: Connection, data: WebSocketMessage): void {
    const overlap = this.#overlap;
    if (overlap?.isCounting === false && connection === this.#current) {
      this.#retireAfter(overlap.former, this.#settings.proactive?.overlap ?? 0, true);
    }
    this.#owner.message(connection, data);
  }

  ended(connection: Connection, end: ConnectionEnd): void {
    const { clock, reconnect } = this.#settings;
    const retired = this.#retired.get(connection);
    if (retired !== undefined) {
      this.#retired.delete(connection);
      if (this.#overlap?.former === connection) this.#endOverlap();
      this.history.tellDisconnect({ ...retired, code: end.code, wasProactive: true });
      this.#settle();
      return;
    }
    this.lastError = end.error ?? this.lastError;
    if (connection === this.#opening) {
      this.#opening = undefined;
      this.#attempts.failed++;
      this.history.counts.failedAttempts++;
      const error =
        end.error ?? new WebSocketManagerError("ERR_WEBSOCKET_CONNECT", "the server closed the connection");
      this.#events.emit("error", error);
      this.#again(undefined, { ...end, error });
      return;
    }
    if (connection !== this.#current) return;
    this.#current = undefined;
    this.#planned.cancel();
    const now = clock.now();
    this.#downSince = now;
    this.history.lost(connection);
    // One that ends at once would otherwise be made again and again without a delay.
    if (now - (connection.openedAt ?? now) >= reconnect.resetAfter) this.#attempts.reset();
    else this.#attempts.failed++;
    this.#state = "reconnecting";
    const { reason, code, text } = end;
    const info = this.history.tellDisconnect({ reason, code, text, wasProactive: false });
    // One that was to replace it may be about to open.
    if (this.#opening === undefined) this.#again(info);
  }

  #become(state: WebSocketState): void {
    this.#state = state;
    this.#owner.changed();
  }

  #open(): void {
    const connection = new Connection(++this.#count, this.#url, this.#settings, this);
    this.#opening = connection;
    void connection.open();
  }

  #later(wait: number): void {
    this.#timer?.cancel();
    this.#timer = this.#settings.clock.setTimer(() => {
      this.#timer = undefined;
      this.#open();
    }, wait);
  }

  /** Decides on another attempt, and when. */
  #again(disconnect: DisconnectInfo | undefined, end?: ConnectionEnd): void {
    // A listener may have closed the manager.
    if (this.#opening !== undefined || this.#timer !== undefined) return;
    if (this.#current === undefined && this.#state !== "connecting" && this.#state !== "reconnecting") return;
    const delay = this.#attempts.next(disconnect, end);
    if (delay === undefined) {
      // The current one is still good: it is kept to its end.
      if (this.#current === undefined) this.#giveUp(end?.error, disconnect);
      return;
    }
    if (this.#current === undefined) this.#state = "reconnecting";
    this.#later(delay);
    this.#events.emit(
      "reconnecting",
      Object.freeze({ attempt: this.#attempts.attempt, delay: delay / 1000 }),
    );
    this.#owner.changed();
  }

  #giveUp(error: Error | undefined, disconnect: DisconnectInfo | undefined): void {
    const { name } = this.#settings;
    const why =
      error?.message ?? `the connection ended: ${disconnect?.reason ?? "unknown"}, code ${disconnect?.code}`;
    this.failure = isUnavailable(error)
      ? error
      : new WebSocketManagerError(
          "ERR_WEBSOCKET_GAVE_UP",
          `websocket ${JSON.stringify(name)} gave up after ${this.#attempts.failed} attempts: ${why}`,
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
      this.#attempts.reset();
      this.#open();
      return;
    }
    this.history.lost(current);
    this.#drop(1000, { reason: "scheduled", text: "" }, CLOSING);
    this.#become("reconnecting");
    this.#later(0);
  }

  /** Closes the former connection of a handover later, and one before that now. */
  #retireAfter(former: Connection, wait: number, isCounting: boolean): void {
    const before = this.#overlap?.former;
    this.#endOverlap();
    if (before !== former) before?.close(1000, "", CLOSING);
    const timer = this.#settings.clock.setTimer(() => {
      this.#overlap = undefined;
      former.close(1000, "", CLOSING);
    }, wait);
    this.#overlap = { former, isCounting, timer };
  }

  #endOverlap(): void {
    this.#overlap?.timer.cancel();
    this.#overlap = undefined;
  }

  /** Ends all connections and attempts. */
  #drop(code: number, info: Pick<DisconnectInfo, "reason" | "text">, timeout: number): void {
    this.#planned.cancel();
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#endOverlap();
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
}
