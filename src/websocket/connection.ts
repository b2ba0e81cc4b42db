import type { Timer } from "../kernel/clock.js";
import { isError } from "../kernel/is-error.js";
import { messageOf } from "../kernel/message-of.js";
import { retryAfterSeconds } from "../kernel/retry-after.js";
import { warn } from "../kernel/warning.js";
import { WebSocketManagerError } from "./errors.js";
import { alive, type Life, type LivenessLimits, look } from "./liveness.js";
import type { WebSocketManagerSettings } from "./options.js";
import {
  findConstructor,
  makeSocket,
  type SocketLike,
  type WebSocketData,
  type WebSocketMessage,
} from "./socket.js";

const OPEN = 1;

/** How a connection, or the attempt to open one, ended. */
export interface ConnectionEnd {
  readonly reason: "server-closed" | "network-error" | "ping-timeout";
  readonly code: number;
  readonly text: string;
  /** Why it failed; without one it was closed in order. */
  readonly error: Error | undefined;
  readonly status: number | undefined;
  /** Seconds that the refusal of the handshake asks to wait. */
  readonly retryAfter: number | undefined;
}

/** Receives what happens to a connection: `opened` once at most, and `ended` exactly once. */
export interface ConnectionOwner {
  opened(connection: Connection): void;
  message(connection: Connection, data: WebSocketMessage): void;
  ended(connection: Connection, end: ConnectionEnd): void;
}

/** One connection: opens a socket, finds out when it is lost, and leaves no listener or timer behind. */
export class Connection {
  readonly id: number;
  readonly #owner: ConnectionOwner;
  readonly #settings: WebSocketManagerSettings;
  readonly #url: string | (() => unknown);
  #socket: SocketLike | undefined;
  #removeListeners: () => void = () => {};
  /** The one timer: of the attempt, then of the liveness, then of the closing. */
  #timer: Timer | undefined;
  /** Both are set while the connection is watched. */
  #limits: LivenessLimits | undefined;
  #life: Life | undefined;
  #hasEnded = false;
  #isPaused = false;
  #error: Error | undefined;
  #status: number | undefined;
  #retryAfter: number | undefined;
  /** Bytes that the network has delivered, where the socket tells it; a large message is life before it is complete. */
  #bytesRead: () => number = () => 0;
  #lastBytes = 0;
  /** When it was opened, on the monotonic clock. */
  openedAt: number | undefined;
  /** When something was last received, on both clocks. */
  heardAt = 0;
  heardWall = 0;

  constructor(
    id: number,
    url: string | (() => unknown),
    settings: WebSocketManagerSettings,
    owner: ConnectionOwner,
  ) {
    this.id = id;
    this.#url = url;
    this.#settings = settings;
    this.#owner = owner;
  }

  /** Begins; never throws or rejects. */
  async open(): Promise<void> {
    const { clock, connection } = this.#settings;
    this.#timer = clock.setTimer(() => {
      this.#fail(new Error(`no connection after ${connection.timeout / 1000} s`));
    }, connection.timeout);
    try {
      const constructor = await findConstructor(this.#settings.WebSocket);
      const url = typeof this.#url === "function" ? await this.#url() : this.#url;
      if (this.#hasEnded) return;
      this.#listen(makeSocket(constructor, String(url), this.#settings));
    } catch (error) {
      this.#fail(error);
    }
  }

  get isOpen(): boolean {
    return !this.#hasEnded && this.#socket?.readyState === OPEN;
  }

  get bufferedAmount(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** Returns whether the socket has taken it. */
  send(data: WebSocketData): boolean {
    if (!this.isOpen) return false;
    try {
      this.#socket?.send(data);
      return true;
    } catch (error) {
      this.#end("network-error", 1006, "", error);
      return false;
    }
  }

  /** Stops receiving, so that the network holds the sender back. Returns whether the socket can. */
  pause(): boolean {
    if (this.#socket?.pause === undefined) return false;
    if (!this.#isPaused) this.#socket.pause();
    this.#isPaused = true;
    return true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    // Nothing could be heard meanwhile.
    this.#hear();
    this.#socket?.resume?.();
  }

  /** Closes in order; after `timeout` milliseconds without an answer, at once. What still arrives is received. */
  close(code: number, text: string, timeout: number): void {
    if (this.#hasEnded) return;
    if (this.openedAt === undefined) {
      this.terminate();
      return;
    }
    this.resume();
    this.#timer?.cancel();
    this.#limits = this.#life = undefined;
    this.#timer = this.#settings.clock.setTimer(() => this.#end("network-error", 1006, ""), timeout);
    this.#socket?.close(code, text);
  }

  /** Ends at once. */
  terminate(): void {
    this.#end("network-error", 1006, "");
  }

  #listen(socket: SocketLike): void {
    this.#socket = socket;
    const hear = (): void => this.#hear(this.#life?.spoken);
    const heard = { pong: hear, ping: hear };
    const listeners: Readonly<Record<string, (event: never) => void>> = {
      // Events of Bun's WebSocket; that of `ws` tells them to `on` alone.
      ...heard,
      open: () => this.#opened(),
      message: (event: { readonly data: WebSocketMessage }) => {
        this.#hear();
        this.#owner.message(this, event.data);
      },
      error: (event: { readonly error?: unknown; readonly message?: unknown }) => {
        const { error, message } = event;
        const text = typeof message === "string" && message !== "" ? message : "the socket failed";
        this.#error ??= isError(error) ? error : new Error(text);
        // Of an attempt that failed, the WebSocket of Node.js 22 says nothing else: no `close` follows.
        if (this.openedAt === undefined) this.#fail(this.#error);
      },
      close: ({ code, reason }: { readonly code: number; readonly reason: string }) => {
        // Deno says 0 of a broken line.
        const isOrderly = code >= 1000 && code !== 1006 && this.openedAt !== undefined;
        this.#end(isOrderly ? "server-closed" : "network-error", isOrderly ? code : 1006, reason);
      },
    };
    const ofWs: Readonly<Record<string, (...args: never[]) => void>> = {
      ...heard,
      upgrade: ({ socket: ofNet }: { readonly socket?: { readonly bytesRead?: number } }) => {
        this.#bytesRead = () => ofNet?.bytesRead ?? 0;
      },
      "unexpected-response": (_request: unknown, response: { readonly statusCode?: number }) => {
        this.#status = response.statusCode;
        this.#retryAfter = retryAfterSeconds(response, this.#settings.clock.wallNow());
        this.#fail(new Error(`the server answered with status ${response.statusCode}`));
      },
    };
    for (const [event, listener] of Object.entries(listeners)) socket.addEventListener(event, listener);
    for (const [event, listener] of Object.entries(ofWs)) socket.on?.(event, listener);
    this.#removeListeners = () => {
      for (const [event, listener] of Object.entries(listeners)) socket.removeEventListener(event, listener);
      for (const [event, listener] of Object.entries(ofWs)) socket.off?.(event, listener);
      // What a socket says after its end concerns nobody, but an unheard error of `ws` would end the process.
      socket.addEventListener("error", () => {});
    };
  }

  #opened(): void {
    if (this.#hasEnded) return;
    const { clock } = this.#settings;
    this.#timer?.cancel();
    this.openedAt = clock.now();
    this.#hear();
    this.#watch();
    this.#owner.opened(this);
  }

  /** @param spoken when the last message came. Default: now. */
  #hear(spoken?: number): void {
    const { clock } = this.#settings;
    this.heardAt = clock.now();
    this.heardWall = clock.wallNow();
    if (this.#limits === undefined) return;
    const wasAsked = this.#life?.asked !== undefined;
    this.#life = alive(this.#limits, this.heardAt, spoken);
    // Otherwise the timer stays: on each message of many, setting it again would cost more than a look too early.
    if (wasAsked) this.#arm(this.#life.due);
  }

  /** Looks from now on whether the connection lives. */
  #watch(): void {
    const { clock, ping, name } = this.#settings;
    const pings = typeof this.#socket?.ping === "function" || ping.message !== undefined;
    if (!pings && ping.maxSilence === undefined) {
      warn(
        "KSTLIB_WEBSOCKET_NO_PING",
        `websocket ${JSON.stringify(name)} cannot find out that its connection is lost: set ping.message or ping.maxSilence, or use ws`,
      );
      return;
    }
    this.#limits = { ...ping, pings };
    this.#life = alive(this.#limits, clock.now());
    this.#arm(this.#life.due);
  }

  #arm(due: number): void {
    const { clock } = this.#settings;
    this.#timer?.cancel();
    this.#timer = clock.setTimer(() => this.#look(), Math.max(1, due - clock.now()), { ref: false });
  }

  #look(): void {
    const limits = this.#limits;
    if (limits === undefined || this.#life === undefined) return;
    const now = this.#settings.clock.now();
    const bytes = this.#bytesRead();
    const hasRead = bytes !== this.#lastBytes;
    this.#lastBytes = bytes;
    // Of a paused socket nothing can be heard; of a large message only bytes.
    if (this.#isPaused || (hasRead && this.#life.asked !== undefined)) this.#life = alive(limits, now);
    if (now >= this.#life.due) {
      const { life, verdict } = look(limits, this.#life, now);
      this.#life = life;
      if (verdict === "dead") {
        this.#end("ping-timeout", 1006, "");
        return;
      }
      if (verdict === "ping") this.#ping();
    }
    // The ping may have found the end.
    if (this.#life !== undefined) this.#arm(this.#life.due);
  }

  #ping(): void {
    const { message } = this.#settings.ping;
    if (message !== undefined) this.send(message);
    else if (this.isOpen) this.#socket?.ping?.();
  }

  #fail(cause: unknown): void {
    this.#end("network-error", 1006, "", cause);
  }

  #end(reason: ConnectionEnd["reason"], code: number, text: string, cause: unknown = this.#error): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#timer?.cancel();
    this.#limits = this.#life = undefined;
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
    const [status, retryAfter] = [this.#status, this.#retryAfter];
    this.#owner.ended(this, { reason, code, text, error: this.#errorOf(cause), status, retryAfter });
  }

  #errorOf(cause: unknown): Error | undefined {
    if (cause === undefined) return undefined;
    if (cause instanceof WebSocketManagerError) return cause;
    const { name } = this.#settings;
    const message = `websocket ${JSON.stringify(name)} failed: ${messageOf(cause)}`;
    return new WebSocketManagerError("ERR_WEBSOCKET_CONNECT", message, {
      cause,
      ...(this.#status === undefined ? {} : { status: this.#status }),
    });
  }
}
