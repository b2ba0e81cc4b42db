import { messageOf } from "../kernel/message-of.js";
import { retryAfterSeconds } from "../kernel/retry-after.js";
import { warn } from "../kernel/warning.js";
import { Alarm } from "./alarm.js";
import { WebSocketManagerError } from "./errors.js";
import { LastHeard } from "./last-heard.js";
import { type ByteCounter, type HandshakeResponse, listen, type SocketListener } from "./listen.js";
import { checkUrl } from "./option-rules.js";
import type { WebSocketManagerSettings } from "./options.js";
import {
  findConstructor,
  makeSocket,
  type SocketLike,
  type WebSocketData,
  type WebSocketMessage,
} from "./socket.js";
import { Watch, type Watched } from "./watch.js";

const OPEN = 1;

/** A server that does not answer a close frame is waited for so long; milliseconds. */
const CLOSING = 5000;

/** How a connection, or the attempt to open one, ended. */
export interface ConnectionEnd {
  readonly reason: "server-closed" | "network-error" | "ping-timeout";
  readonly code: number;
  readonly text: string;
  /** Why it failed; without one it was closed in order, or without a word. */
  readonly error?: WebSocketManagerError | undefined;
}

/** Without a word of the other side. */
const BROKEN = { reason: "network-error", code: 1006, text: "" } as const;

/** Receives what happens to a connection: `opened` once at most, and `ended` exactly once. */
export interface ConnectionOwner {
  opened(connection: Connection): void;
  message(connection: Connection, data: WebSocketMessage): void;
  ended(connection: Connection, end: ConnectionEnd): void;
}

/** The managers that were told that their sockets have no pings. */
const told = new WeakSet<WebSocketManagerSettings>();

/** One connection: opens a socket, finds out when it is lost, and leaves no listener or timer behind. */
export class Connection implements SocketListener, Watched {
  readonly id: number;
  readonly #owner: ConnectionOwner;
  readonly #settings: WebSocketManagerSettings;
  #socket: SocketLike | undefined;
  #removeListeners: () => void = () => {};
  /** Of the attempt, then of the closing. */
  readonly #alarm: Alarm;
  #watch: Watch | undefined;
  #hasEnded = false;
  /** When a closing is given up, on the monotonic clock. */
  #closeBy = Infinity;
  /** Counts the bytes that the network has delivered, where the socket tells it. */
  #counter: ByteCounter | undefined;
  isPaused = false;
  /** When it was opened, on the monotonic clock. */
  openedAt: number | undefined;
  readonly heardOf: LastHeard;

  constructor(id: number, settings: WebSocketManagerSettings, owner: ConnectionOwner) {
    this.id = id;
    this.#settings = settings;
    this.#owner = owner;
    this.heardOf = new LastHeard(settings.clock);
    this.#alarm = new Alarm(settings.clock, true);
  }

  /** Begins; never throws or rejects. */
  async open(url: string | (() => unknown)): Promise<void> {
    const { timeout } = this.#settings.connection;
    const late = (): void => this.failed(new Error(`no connection after ${timeout / 1000} s`));
    this.#alarm.set(late, timeout);
    try {
      const constructor = await findConstructor(this.#settings.WebSocket);
      const address = checkUrl(typeof url === "function" ? await url() : url);
      if (this.#hasEnded) return;
      const socket = makeSocket(constructor, address, this.#settings);
      this.#socket = socket;
      this.#removeListeners = listen(socket, this);
    } catch (error) {
      this.failed(error);
    }
  }

  get bufferedAmount(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  get bytesRead(): number {
    return this.#counter?.bytesRead ?? 0;
  }

  /** Returns whether the socket has taken it. Throws when it is nothing that can be sent. */
  send(data: WebSocketData): boolean {
    if (this.#socket?.readyState !== OPEN) return false;
    this.#socket.send(data);
    return true;
  }

  /** Stops receiving, so that the network holds the sender back. Returns whether the socket can. */
  pause(): boolean {
    if (this.#socket?.pause === undefined) return false;
    if (!this.isPaused) {
      this.#socket.pause();
      this.heardOf.pause();
    }
    this.isPaused = true;
    return true;
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.heardOf.resume();
    // Nothing could be heard meanwhile.
    this.#watch?.hear(true);
    this.#socket?.resume?.();
  }

  /**
   * Closes in order; after `timeout` milliseconds without an answer, at once. What still arrives is received.
   *
   * @param timeout default: 5 s, and no end while it is paused, so that a slow reader gets all.
   */
  close(code = 1000, text = "", timeout?: number): void {
    if (this.#hasEnded) return;
    if (this.openedAt === undefined) {
      this.terminate();
      return;
    }
    if (this.#closeBy === Infinity) {
      this.resume();
      this.#stopWatch();
      this.#socket?.close(code, text);
    }
    this.#giveUpAfter(timeout);
  }

  /** Ends at once. */
  terminate(): void {
    this.#end(BROKEN);
  }

  opened(): void {
    this.#alarm.cancel();
    this.openedAt = this.#settings.clock.now();
    this.heardOf.hear();
    this.#beginWatch();
    this.#owner.opened(this);
  }

  message(data: WebSocketMessage): void {
    this.heardOf.hear();
    this.#watch?.hear(true);
    this.#owner.message(this, data);
  }

  heard(): void {
    this.heardOf.hear();
    this.#watch?.hear(false);
  }

  refused(response: HandshakeResponse): void {
    const { statusCode: status } = response;
    const retryAfter = retryAfterSeconds(response, this.#settings.clock.wallNow());
    this.failed(new Error(`the server answered with status ${status}`), { status, retryAfter });
  }

  failed(
    cause: unknown,
    refusal: { status?: number | undefined; retryAfter?: number | undefined } = {},
  ): void {
    const message = `websocket ${JSON.stringify(this.#settings.name)} failed: ${messageOf(cause)}`;
    const error =
      cause instanceof WebSocketManagerError
        ? cause
        : new WebSocketManagerError("ERR_WEBSOCKET_CONNECT", message, { cause, ...refusal });
    this.#end({ ...BROKEN, error });
  }

  closed(code: number, text: string): void {
    if (this.openedAt === undefined) this.failed(new Error("the server closed the connection"));
    // Deno says 0 of a broken line.
    else if (code >= 1000 && code !== 1006) this.#end({ reason: "server-closed", code, text });
    else this.#end({ ...BROKEN, text });
  }

  upgraded(by: ByteCounter | undefined): void {
    this.#counter = by;
  }

  ping(): void {
    const { message } = this.#settings.ping;
    try {
      if (this.#socket?.ping !== undefined) this.#socket.ping();
      else if (message !== undefined) this.send(message);
    } catch (error) {
      this.failed(error);
    }
  }

  dead(): void {
    this.#end({ ...BROKEN, reason: "ping-timeout" });
  }

  /** Ends a closing that the other side does not answer. */
  #giveUpAfter(timeout: number | undefined): void {
    const now = this.#settings.clock.now();
    // Asking again does not prolong it.
    this.#closeBy = Math.min(now + (timeout ?? CLOSING), this.#closeBy);
    this.#alarm.set(() => {
      this.#closeBy = Infinity;
      if (timeout === undefined && this.isPaused) this.#giveUpAfter(timeout);
      else this.terminate();
    }, this.#closeBy - now);
  }

  #stopWatch(): void {
    this.#watch?.stop();
    this.#watch = undefined;
  }

  #beginWatch(): void {
    const settings = this.#settings;
    const { ping, name } = settings;
    const isAsked = this.#socket?.ping !== undefined || ping.message !== undefined;
    if (isAsked || ping.maxSilence !== undefined) {
      const interval = isAsked ? ping.interval : Infinity;
      this.#watch = new Watch(settings.clock, { ...ping, interval }, this);
    } else if (!told.has(settings)) {
      told.add(settings);
      warn(
        "KSTLIB_WEBSOCKET_NO_PING",
        `websocket ${JSON.stringify(name)} cannot find out that its connection is lost: set ping.message or ping.maxSilence, or use ws`,
      );
    }
  }

  #end(end: ConnectionEnd): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#alarm.cancel();
    this.#stopWatch();
    this.#removeListeners();
    const socket = this.#socket;
    this.#socket = undefined;
    try {
      // The web's sockets have no `terminate`; a lost one is left to its own closing.
      if (socket?.terminate === undefined) socket?.close();
      else socket.terminate();
    } catch {
      // It was closed already.
    }
    this.#owner.ended(this, end);
  }
}
