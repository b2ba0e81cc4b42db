import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../../kernel/clock.js";
import type { ShutdownCut } from "../report.js";
import { type Connection, TrackedConnection, type Patience, type Protocol } from "./connection.js";

/**
 * A listener to one of these changes what the server does: it is in charge of the request, or makes an HTTP/2 server
 * wrap its streams. So this listens to them only while the application does.
 */
const DECISIONS = new Set<unknown>(["request", "checkContinue", "checkExpectation", "upgrade", "connect"]);

/** The WebSocket close code "going away". */
const GOING_AWAY = 1001;

/** The close frame with that code, for a WebSocket of which only the socket is known. */
const CLOSE_FRAME = Buffer.from([0x88, 2, GOING_AWAY >> 8, GOING_AWAY & 0xff]);

/** Whether it is an HTTP/2 session: it has a close method, and no terminate as a WebSocket has. */
function isSession(connection: Connection): boolean {
  return connection.close !== undefined && connection.terminate === undefined;
}

/** The client's address: all that a socket and the TLS socket on top of it have in common. */
function origin({ remoteAddress, remotePort }: Connection): string {
  return `${remoteAddress} ${remotePort}`;
}

function announceClose({ responses }: TrackedConnection): void {
  // Node ends the connection after a response with this header: of pipelined responses only the last may have it.
  const last = responses.at(-1);
  for (const response of responses) {
    // HTTP/2 has no such header; its session sends a GOAWAY frame.
    if (response.headersSent || response.req.httpVersionMajor > 1) continue;
    if (response === last) response.setHeader("Connection", "close");
    else if (response.getHeader("Connection") === "close") response.removeHeader("Connection");
  }
}

/** The connections that a server accepts from now on, and the requests on each. */
export class Connections {
  readonly #emitter: EventEmitter | undefined;
  readonly #clock: Clock;
  readonly #isHttp: boolean;
  readonly #isSecure: boolean;
  readonly #tracked = new Map<Connection, TrackedConnection>();
  /** By address, the sockets whose TLS handshake has not ended yet. */
  readonly #handshakes = new Map<string, TrackedConnection>();
  readonly #decisions = new Set<string>();
  readonly #cuts: { -readonly [Kind in keyof ShutdownCut]: number } = {};
  #draining = false;

  /** @throws the error of a server that refuses a listener; then no listener is left on it. */
  constructor(server: object, clock: Clock) {
    this.#clock = clock;
    this.#isHttp = "closeIdleConnections" in server;
    this.#isSecure = "setSecureContext" in server;
    if (!(server instanceof EventEmitter)) return;
    this.#emitter = server;
    try {
      this.#listen("on");
      for (const event of server.eventNames()) this.#joined(event);
    } catch (error) {
      this.release();
      throw error;
    }
  }

  /** How many were cut off, by their use. */
  get cuts(): ShutdownCut {
    return this.#cuts;
  }

  /** Whether a response has not ended. */
  get isAnswering(): boolean {
    return [...this.#tracked.values()].some(({ responses }) => responses.length > 0);
  }

  /** From now on responses have `Connection: close`, and HTTP/2 sessions and WebSockets are told to close. */
  drain(): void {
    this.#draining = true;
    for (const tracked of this.#tracked.values()) this.#announce(tracked);
  }

  /** Tracks a connection from before the registration, which has no request. */
  adopt(connection: Connection): void {
    if (!this.#tracked.has(connection)) this.#open(connection, this.#protocolOf(connection));
  }

  /**
   * Ends connections whose client is late: with a request, with the rest of a body, with the close of a WebSocket. What
   * arrived while the thread was busy is only read afterwards, so a connection is ended when two sweeps in a row find
   * it late. Returns whether the second one is due.
   */
  sweep(patience: Patience): boolean {
    const now = this.#clock.now();
    let isUnsure = false;
    for (const tracked of [...this.#tracked.values(), ...this.#handshakes.values()]) {
      this.#tell(tracked);
      const verdict = tracked.verdict(patience, now);
      if (verdict === undefined) tracked.isDue = false;
      else if (tracked.isDue) {
        if (verdict !== "idle") this.#count(verdict);
        this.#cut(tracked);
      } else isUnsure = tracked.isDue = true;
    }
    return isUnsure;
  }

  /** Ends all connections now. */
  cutAll(): void {
    const all = [...this.#tracked.values(), ...this.#handshakes.values()];
    // An HTTP/2 session and its socket are both tracked, and count once.
    const sessions = all.filter(({ connection }) => isSession(connection));
    for (const tracked of all) {
      const isCounted =
        tracked.protocol === "other" && sessions.length > 0 ? sessions.includes(tracked) : tracked.isNeeded;
      if (isCounted) this.#count("unfinished");
      this.#cut(tracked);
    }
  }

  /** Removes the listeners from the server. */
  release(): void {
    this.#listen("off");
    for (const event of this.#decisions) this.#emitter?.off(event, this.#decided(event));
  }

  #listen(how: "on" | "off"): void {
    this.#emitter?.[how]("connection", this.#connected);
    this.#emitter?.[how]("secureConnection", this.#secured);
    this.#emitter?.[how]("session", this.#connected);
    // To learn when the application begins or ceases to listen to DECISIONS.
    this.#emitter?.[how]("newListener", this.#joined);
    this.#emitter?.[how]("removeListener", this.#left);
  }

  /** Ends a connection now. */
  #cut({ connection, protocol, responses }: TrackedConnection): void {
    this.#tracked.delete(connection);
    // A session that closes waits for a client that reads nothing any more: its socket must be ended, too.
    if (protocol === "other" && responses.length > 0 && connection.remotePort !== undefined) {
      const from = origin(connection);
      const sockets = [...this.#tracked.values()].filter((tracked) => origin(tracked.connection) === from);
      for (const tracked of sockets) this.#cut(tracked);
    }
    if (connection.terminate === undefined) connection.destroy?.();
    else connection.terminate();
  }

  #count(kind: keyof ShutdownCut): void {
    this.#cuts[kind] = (this.#cuts[kind] ?? 0) + 1;
  }

  #protocolOf(connection: Connection): Protocol {
    // A WebSocket can be terminated, an HTTP/2 session closed.
    if (connection.terminate !== undefined) return "websocket";
    return this.#isHttp && connection.close === undefined && connection.alpnProtocol !== "h2"
      ? "http"
      : "other";
  }

  #open(connection: Connection, protocol: Protocol): TrackedConnection {
    const tracked = new TrackedConnection(connection, protocol, this.#clock.now());
    this.#tracked.set(connection, tracked);
    connection.once("close", () => this.#tracked.delete(connection));
    if (this.#draining) this.#announce(tracked);
    return tracked;
  }

  /** Sends a close frame to a WebSocket of which only the socket is known, once its upgrade was answered. */
  #tell(tracked: TrackedConnection): void {
    const { connection, protocol, toldAt } = tracked;
    if (protocol !== "websocket" || toldAt !== undefined || !tracked.isUpgradeAnswered) return;
    tracked.toldAt = this.#clock.now();
    // Without a listener, a client that is gone would crash the application.
    connection.once("error", () => {});
    connection.write?.(CLOSE_FRAME);
  }

  #announce(tracked: TrackedConnection): void {
    announceClose(tracked);
    const { connection } = tracked;
    // Both finish what is in progress. Only a WebSocket takes a code.
    if (connection.terminate === undefined) connection.close?.();
    else {
      tracked.toldAt = this.#clock.now();
      connection.close?.(GOING_AWAY);
    }
  }

  readonly #connected = (connection: Connection): void => {
    if (this.#isSecure && connection.close === undefined) {
      const handshake = new TrackedConnection(connection, "http", this.#clock.now());
      const key = origin(connection);
      this.#handshakes.set(key, handshake);
      connection.once("close", () => {
        if (this.#handshakes.get(key) === handshake) this.#handshakes.delete(key);
      });
    } else {
      this.#open(connection, this.#protocolOf(connection));
    }
  };

  readonly #secured = (connection: Connection): void => {
    this.#handshakes.delete(origin(connection));
    // Of an HTTP/2 connection the session is tracked as well.
    this.#open(connection, this.#protocolOf(connection));
  };

  readonly #requested = ({ socket }: IncomingMessage, response: ServerResponse): void => {
    const isOne = response.req.httpVersionMajor === 1;
    const tracked = this.#tracked.get(socket) ?? this.#open(socket, this.#isHttp && isOne ? "http" : "other");
    tracked.responses.push(response);
    if (this.#draining) announceClose(tracked);
    response.once("close", () => tracked.answered(response, this.#clock.now()));
  };

  readonly #upgraded = ({ socket, headers }: IncomingMessage): void => {
    const tracked = this.#tracked.get(socket) ?? this.#open(socket, "tunnel");
    const isWebSocket = headers.upgrade?.toLowerCase() === "websocket";
    tracked.upgraded(isWebSocket ? "websocket" : "tunnel", this.#clock.now());
  };

  #decided(event: string): (request: IncomingMessage, response: ServerResponse) => void {
    return event === "upgrade" || event === "connect" ? this.#upgraded : this.#requested;
  }

  readonly #joined = (event: string | symbol): void => {
    if (typeof event !== "string" || !DECISIONS.has(event) || this.#decisions.has(event)) return;
    this.#decisions.add(event);
    // Before the application's own listener, which may send the headers.
    this.#emitter?.prependListener(event, this.#decided(event));
  };

  readonly #left = (event: string): void => {
    if (this.#emitter?.listenerCount(event) !== 1 || !this.#decisions.delete(event)) return;
    this.#emitter.off(event, this.#decided(event));
  };
}
