import { onAbort } from "../kernel/abort.js";
import { checkedLayers } from "../kernel/check-section.js";
import type { Component } from "../kernel/component.js";
import { tellMade } from "../kernel/configured.js";
import { sectionRules } from "../kernel/descriptor.js";
import type { Duration } from "../kernel/duration.js";
import { Events, type Listener } from "../kernel/events.js";
import type { LogRules } from "../kernel/log-rule.js";
import { messageOf } from "../kernel/message-of.js";
import { Printed } from "../kernel/printed.js";
import { unlike } from "../kernel/show.js";
import { type WebSocketErrorCode, WebSocketManagerError } from "./errors.js";
import type { WebSocketManagerEvents, WebSocketSnapshot, WebSocketState, WebSocketStats } from "./events.js";
import { checkWait } from "./inbox.js";
import { Incoming } from "./incoming.js";
import { Link } from "./link.js";
import { logRules } from "./log-rules.js";
import {
  checkData,
  checkUrl,
  resolveClose,
  resolveManager,
  resolveRequest,
  webSocketManagerRules,
} from "./option-rules.js";
import type { WebSocketManagerOptions, WebSocketManagerSettings } from "./options.js";
import { Outgoing } from "./outgoing.js";
import type { WebSocketData, WebSocketMessage } from "./socket.js";

/** Options of a wait. */
export interface WaitOptions {
  /** Ends the wait, not what is waited for. */
  readonly signal?: AbortSignal | undefined;
}

const EVENTS = ["connect", "disconnect", "message", "reconnecting", "gap", "dropped", "error"] as const;

/**
 * A WebSocket connection that stays alive: finds out when it is lost, connects again with growing, random delays, sends its
 * subscriptions again, and tells how long there was none. Not connected before `connect()`. An open connection, or the
 * wait for the next attempt, keeps the process alive until `close()`.
 *
 * Messages are read by `for await`, by `receive()` or by listeners of `message`. What is not read waits up to
 * `queue.size` and `queue.bytes`; then the socket is paused (`ws`), or the oldest is dropped and told.
 *
 * @throws TypeError for a URL that is none, an unknown option or a value of the wrong type.
 * @throws RangeError for a value out of range.
 */
export class WebSocketManager extends Printed implements Component, Disposable, AsyncDisposable {
  /** @internal */
  readonly logRules: LogRules = logRules;
  readonly #settings: WebSocketManagerSettings;
  readonly #events: Events<WebSocketManagerEvents>;
  readonly #link: Link;
  readonly #incoming: Incoming;
  readonly #outgoing: Outgoing;
  readonly #waiting = new Set<() => void>();

  /** @param url `ws:` or `wss:`, or a function that gives it for each attempt, such as one that has to fetch a key first. */
  constructor(
    url: string | URL | (() => string | URL | Promise<string | URL>),
    options?: WebSocketManagerOptions,
  ) {
    super();
    const section = { rules: sectionRules(webSocketManagerRules) };
    const layers = checkedLayers("websocket", section, options);
    this.#settings = resolveManager(options, layers);
    const { name } = this.#settings;
    const owner = `websocket ${JSON.stringify(name)}`;
    this.#events = new Events(owner, EVENTS, { kind: "websocket", name });
    this.#incoming = new Incoming(this.#settings, this.#events, () => this.#link.connections);
    const address = typeof url === "function" ? url : checkUrl(url);
    this.#link = new Link(address, this.#settings, this.#events, {
      opened: (connection) => this.#outgoing.begin(connection),
      message: (connection, data) => this.#incoming.received(connection, data),
      gaveUp: (error) => {
        this.#outgoing.drop(() => error);
        this.#incoming.inbox.end(async () => {
          throw error;
        });
      },
      changed: () => this.#changed(),
    });
    this.#outgoing = new Outgoing(this.#settings, this.#events, () =>
      this.state === "connected" ? this.#link.current : undefined,
    );
    tellMade(this, "websocket", options);
  }

  get name(): string {
    return this.#settings.name;
  }

  get state(): WebSocketState {
    return this.#link.state;
  }

  /** Whether it will not be connected again by itself, or has not been for `reconnect.deadAfter`. */
  get isDead(): boolean {
    return this.#link.isDead;
  }

  get subscriptions(): readonly string[] {
    return [...this.#outgoing.subscriptions.keys()];
  }

  get stats(): WebSocketStats {
    return Object.freeze({
      ...this.#link.history.counts,
      ...this.#incoming.counts,
      ...this.#outgoing.counts,
    });
  }

  /**
   * Connects, with as many attempts as it takes. Called while it is connected or connecting, it waits for the same.
   *
   * @throws WebSocketManagerError (as a rejection) `ERR_WEBSOCKET_GAVE_UP`, `ERR_WEBSOCKET_UNAVAILABLE`,
   * `ERR_WEBSOCKET_CLOSED`, or what the signal was aborted with.
   */
  async connect(options: WaitOptions = {}): Promise<void> {
    checkWait(options.signal);
    if (this.state === "disconnected") {
      this.#incoming.inbox.end(undefined);
      this.#link.start();
    }
    return this.waitConnected(options);
  }

  /** Resolves when there is a connection; rejects as {@link connect}, or with `ERR_WEBSOCKET_DISCONNECTED`. */
  async waitConnected({ signal }: WaitOptions = {}): Promise<void> {
    for (;;) {
      checkWait(signal);
      if (this.state === "connected") return;
      if (this.state !== "connecting" && this.state !== "reconnecting") throw this.#notThere();
      await this.#change(signal);
    }
  }

  /**
   * Sends a message; resolves when a live socket has it, which does not say that it arrives. Without a connection it
   * waits for one; when `queue.size` or `queue.bytes` wait already, it is refused, so that those before it keep their
   * place. Bytes must not be changed until then.
   *
   * @throws TypeError (as a rejection) when it is neither text nor bytes.
   * @throws WebSocketManagerError (as a rejection) `ERR_WEBSOCKET_QUEUE_FULL`, `ERR_WEBSOCKET_DISCONNECTED`,
   * `ERR_WEBSOCKET_CLOSED`, `ERR_WEBSOCKET_GAVE_UP`.
   */
  async send(data: WebSocketData): Promise<void> {
    checkData(data, "data");
    if (!["connected", "connecting", "reconnecting"].includes(this.state)) throw this.#notThere();
    if (this.#outgoing.isFull) {
      this.#outgoing.tellDropped(1);
      const { size, bytes } = this.#settings.queue;
      throw this.#error(
        "ERR_WEBSOCKET_QUEUE_FULL",
        `has ${size} messages or ${bytes} bytes waiting to be sent`,
      );
    }
    await this.#outgoing.add(data);
  }

  /**
   * The next message.
   *
   * @throws WebSocketManagerError (as a rejection) `ERR_WEBSOCKET_CLOSED` or `ERR_WEBSOCKET_GAVE_UP` when there will be
   * none, or what the signal was aborted with; no message is lost by that.
   */
  async receive({ signal }: WaitOptions = {}): Promise<WebSocketMessage> {
    const next = await this.#incoming.take(signal);
    if (next.done === true) throw this.#notThere();
    return next.value;
  }

  /** Messages until `close()`; throws when the manager gives up. Several loops share the messages. */
  [Symbol.asyncIterator](): AsyncIterableIterator<WebSocketMessage> {
    return this.#incoming.iterate();
  }

  /**
   * Sends a message on this connection and on each one after it, before anything that waits to be sent. A function gives
   * it anew each time.
   *
   * @param options.key names it for `unsubscribe`; one with the same key is replaced. Default: the message, if it is text.
   * @throws TypeError when the message is neither text nor bytes, or has no key.
   */
  subscribe(message: WebSocketData | (() => WebSocketData), { key }: { readonly key?: string } = {}): void {
    const known: unknown = key ?? (typeof message === "string" ? message : undefined);
    if (typeof known !== "string") throw new TypeError(unlike("key", "text", known));
    if (typeof message !== "function") checkData(message, "message");
    const make = typeof message === "function" ? message : () => message;
    this.#outgoing.subscribe(known, make);
  }

  /**
   * Forgets a subscription and sends `message`, if there is one and a connection. Returns whether it was known.
   *
   * @throws TypeError when the message is neither text nor bytes.
   */
  unsubscribe(key: string, message?: WebSocketData): boolean {
    if (message !== undefined) checkData(message, "message");
    return this.#outgoing.unsubscribe(key, message);
  }

  /**
   * Closes the connection on purpose. Another is made after `reconnectAfter` (a number is seconds; 0: at once), or by
   * `connect()` if that is not given. What waits to be sent is rejected then.
   *
   * @throws TypeError or RangeError that names the option.
   */
  requestDisconnect(options: { readonly reconnectAfter?: Duration; readonly reason?: string } = {}): void {
    const { reconnectAfter, reason } = resolveRequest(options);
    this.#link.disconnect(reason, reconnectAfter);
    if (this.state === "disconnected") this.#outgoing.drop(() => this.#notThere());
  }

  /**
   * Closes the connection for good; resolves when the server has answered, or `timeout` later. What has arrived can still
   * be read, what waits to be sent is rejected. Never rejects for what the server does. Idempotent.
   *
   * @param options.code 1000 (the default) or 3000 to 4999.
   * @throws TypeError or RangeError (as a rejection) that names the option.
   */
  async close(options: { readonly code?: number; readonly timeout?: Duration } = {}): Promise<void> {
    const { code, timeout } = resolveClose(options);
    this.#link.close(code, timeout);
    while (this.state !== "closed") await this.#change(undefined);
  }

  /** Adds a listener of an event; disposing of the result removes it. */
  on<Name extends keyof WebSocketManagerEvents>(
    name: Name,
    listener: Listener<WebSocketManagerEvents[Name]>,
  ): Disposable {
    return this.#events.on(name, listener);
  }

  /** The current state as a frozen copy; without the URL, which may have a secret in it. */
  snapshot(): WebSocketSnapshot {
    const { clock } = this.#settings;
    const { current, lastError } = this.#link;
    return Object.freeze({
      kind: "websocket",
      name: this.name,
      state: this.state,
      isDead: this.isDead,
      uptime: current?.openedAt === undefined ? null : (clock.now() - current.openedAt) / 1000,
      attempts: this.#link.attempts,
      subscriptions: this.#outgoing.subscriptions.size,
      unread: this.#incoming.inbox.size,
      unsent: this.#outgoing.size,
      lastError: lastError === undefined ? null : messageOf(lastError),
      ...this.stats,
    });
  }

  /** Ends all at once. */
  [Symbol.dispose](): void {
    this.#link.terminate();
  }

  /** As {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #changed(): void {
    if (this.state === "connected") this.#outgoing.flush();
    if (this.state === "closing" || this.state === "closed") this.#outgoing.drop(() => this.#notThere());
    if (this.state === "closed") this.#incoming.inbox.end(() => ({ done: true, value: undefined }));
    for (const wake of this.#waiting) wake();
  }

  #change(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        leave?.();
        resolve();
      };
      const leave = signal && onAbort(signal, wake);
      this.#waiting.add(wake);
    });
  }

  #error(code: WebSocketErrorCode, what: string): WebSocketManagerError {
    return new WebSocketManagerError(code, `websocket ${JSON.stringify(this.name)} ${what}.`);
  }

  #notThere(): WebSocketManagerError {
    if (this.#link.failure !== undefined) return this.#link.failure;
    if (this.state === "disconnected") {
      return this.#error("ERR_WEBSOCKET_DISCONNECTED", "is not connected; connect() first");
    }
    return this.#error("ERR_WEBSOCKET_CLOSED", "was closed");
  }
}
