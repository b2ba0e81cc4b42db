import type { Events } from "../kernel/events.js";
import { Alarm } from "./alarm.js";
import { Attempts } from "./attempts.js";
import { Connection, type ConnectionEnd, type ConnectionOwner } from "./connection.js";
import { WebSocketManagerError } from "./errors.js";
import type { DisconnectInfo, WebSocketManagerEvents, WebSocketState } from "./events.js";
import type { WebSocketManagerSettings } from "./options.js";
import { History } from "./history.js";
import { Overlap } from "./overlap.js";
import { PlannedReconnect } from "./planned-reconnect.js";
import type { WebSocketMessage } from "./socket.js";

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
  readonly #alarm: Alarm;
  readonly #overlap: Overlap;
  #count = 0;
  readonly #attempts: Attempts;
  /** Since when one has been wanted and not been there, on the monotonic clock. */
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
    this.#overlap = new Overlap(settings);
    this.#alarm = new Alarm(settings.clock, true);
  }

  get state(): WebSocketState {
    return this.#state;
  }

  get current(): Connection | undefined {
    return this.#current;
  }

  /** Those that may deliver messages. */
  get connections(): Connection[] {
    return [...(this.#current ? [this.#current] : []), ...this.#retired.keys()];
  }

  get attempts(): number {
    return this.#attempts.failed;
  }

  /** Whether it is in vain to wait for this link. */
  get isDead(): boolean {
    const { clock, reconnect } = this.#settings;
    if (this.failure !== undefined || this.#state === "closed") return true;
    return clock.now() - (this.#downSince ?? Infinity) >= (reconnect.deadAfter ?? Infinity);
  }

  /** Begins. Only when disconnected. */
  start(): void {
    this.failure = undefined;
    this.#attempts.reset();
    this.#state = "connecting";
    this.#open();
    this.#owner.changed();
  }

  /** Ends the connection on request; another is made after `reconnectAfter` milliseconds, if given. */
  disconnect(text: string, reconnectAfter: number | undefined): void {
    if (this.#state === "closing" || this.#state === "closed") return;
    this.#drop({ reason: "requested", text });
    this.#state = reconnectAfter === undefined ? "disconnected" : "reconnecting";
    if (reconnectAfter !== undefined) this.#alarm.set(() => this.#open(), reconnectAfter);
    this.#owner.changed();
  }

  /** Ends everything. `closed` follows when all connections have ended. */
  close(code: number, timeout: number): void {
    if (this.#state === "closing" || this.#state === "closed") return;
    this.#state = "closing";
    this.#drop({ reason: "closed", text: "" }, code, timeout);
    this.#owner.changed();
    this.#settle();
  }

  /** Ends everything at once. */
  terminate(): void {
    this.close(1000, 0);
    for (const connection of this.connections) connection.terminate();
  }

  opened(connection: Connection): void {
    const before = this.#current;
    this.#opening = undefined;
    this.#current = connection;
    if (before !== undefined) {
      this.#retired.set(before, { reason: "scheduled", text: "" });
      this.#overlap.begin(before);
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
    if (connection === this.#current) this.#overlap.heard();
    this.#owner.message(connection, data);
  }

  ended(connection: Connection, end: ConnectionEnd): void {
    const retired = this.#retired.get(connection);
    if (retired !== undefined) {
      this.#retireEnded(connection, { ...retired, code: end.code, wasProactive: true });
      return;
    }
    this.lastError = end.error ?? this.lastError;
    if (connection === this.#opening) {
      this.#opening = undefined;
      this.#attempts.failed++;
      this.history.counts.failedAttempts++;
      if (end.error !== undefined) this.#events.emit("error", end.error);
      this.#again(end.error);
    } else if (connection === this.#current) {
      this.#currentEnded(connection, end);
    }
  }

  #retireEnded(connection: Connection, info: DisconnectInfo): void {
    this.#retired.delete(connection);
    const isFormer = connection === this.#overlap.former;
    if (isFormer) this.#overlap.take();
    this.history.tellDisconnect(info);
    // Before the new one is known to be subscribed, messages may have been lost with the former one.
    if (isFormer && !this.#overlap.isSafe) {
      this.history.lost(connection);
      this.history.tellGap();
    }
    this.#settle();
  }

  #currentEnded(connection: Connection, { reason, code, text, error }: ConnectionEnd): void {
    const { clock, reconnect } = this.#settings;
    const now = clock.now();
    this.#planned.cancel();
    this.#alarm.cancel();
    // One that ends at once would otherwise be made again and again without a delay.
    if (now - (connection.openedAt ?? now) >= reconnect.resetAfter) this.#attempts.reset();
    else this.#attempts.failed++;
    // A handover to it has failed if the former one is still there, which is used again.
    const former = this.#overlap.take();
    this.#current = former;
    if (former === undefined) {
      this.#downSince = now;
      this.history.lost(connection);
      this.#state = "reconnecting";
    } else {
      this.#retired.delete(former);
      this.#owner.opened(former);
      this.#owner.changed();
    }
    const info = this.history.tellDisconnect({ reason, code, text, wasProactive: false });
    // One that was to replace it may be about to open.
    this.#again(error, info);
  }

  #open(): void {
    const connection = new Connection(++this.#count, this.#settings, this);
    this.#opening = connection;
    if (this.#current === undefined) this.#downSince ??= this.#settings.clock.now();
    void connection.open(this.#url);
  }

  /** Whether another attempt is wanted, and none planned. */
  get #isOpenEnded(): boolean {
    if (this.#opening !== undefined || this.#alarm.isSet) return false;
    return this.#current !== undefined || this.#state === "connecting" || this.#state === "reconnecting";
  }

  /** Decides on another attempt, and when. */
  #again(error: WebSocketManagerError | undefined, disconnect?: DisconnectInfo): void {
    // A listener may have closed the manager, and so may `shouldReconnect`.
    if (!this.#isOpenEnded) return;
    const delay = this.#attempts.next(error, disconnect);
    if (!this.#isOpenEnded) return;
    if (delay === undefined) {
      // The current one is still good: it is kept to its end.
      if (this.#current === undefined) this.#giveUp(error, disconnect);
      return;
    }
    if (this.#current === undefined) this.#state = "reconnecting";
    this.#alarm.set(() => this.#open(), delay);
    const attempt = this.#attempts.failed + 1;
    this.#events.emit("reconnecting", Object.freeze({ attempt, delay: delay / 1000 }));
    this.#owner.changed();
  }

  #giveUp(error: WebSocketManagerError | undefined, disconnect: DisconnectInfo | undefined): void {
    const { name } = this.#settings;
    const why =
      error?.message ?? `the connection ended: ${disconnect?.reason ?? "unknown"}, code ${disconnect?.code}`;
    this.failure =
      error?.code === "ERR_WEBSOCKET_UNAVAILABLE"
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
    if (this.#current === undefined || this.#opening !== undefined) return;
    if (this.#settings.proactive?.handover === true) {
      this.#attempts.reset();
      this.#open();
      return;
    }
    this.#drop({ reason: "scheduled", text: "" });
    this.#state = "reconnecting";
    this.#alarm.set(() => this.#open(), 0);
    this.#owner.changed();
  }

  /** Ends all connections and attempts on purpose. */
  #drop(info: Pick<DisconnectInfo, "reason" | "text">, code?: number, timeout?: number): void {
    this.#planned.cancel();
    this.#alarm.cancel();
    this.#overlap.take();
    const current = this.#current;
    const opening = this.#opening;
    this.#current = this.#opening = this.#downSince = undefined;
    if (current !== undefined) {
      this.#retired.set(current, info);
      this.history.lost(current);
    }
    opening?.terminate();
    for (const connection of this.#retired.keys()) connection.close(code, info.text, timeout);
  }

  /** Completes a closing when nothing is left. */
  #settle(): void {
    if (this.#state !== "closing" || this.#retired.size > 0) return;
    this.#state = "closed";
    this.#owner.changed();
  }
}
