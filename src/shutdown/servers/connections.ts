import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../../kernel/clock.js";
import { type Connection, Line, type Patience, type Protocol } from "./connection.js";
import type { ShutdownCut } from "../report.js";

/**
 * To listen to these changes what the server does: whoever does so decides about the request, or makes an HTTP/2
 * server wrap its streams. They are followed only while somebody else listens.
 */
const DECISIONS = new Set<unknown>(["request", "checkContinue", "checkExpectation", "upgrade", "connect"]);

/** "Going away", in the words of WebSocket. */
const GOING_AWAY = 1001;

/** The same in a frame, for a WebSocket of which only the socket is known: final, close, two bytes of payload. */
const CLOSE_FRAME = Buffer.from([0x88, 2, GOING_AWAY >> 8, GOING_AWAY & 0xff]);

/** Whether it is a session of HTTP/2: it can be closed, as a WebSocket can, and not be terminated. */
function isSession(connection: Connection): boolean {
  return connection.close !== undefined && connection.terminate === undefined;
}

/** Where a connection comes from: all that a socket and the TLS socket made of it have in common. */
function origin({ remoteAddress, remotePort }: Connection): string {
  return `${remoteAddress} ${remotePort}`;
}

function announceClose({ responses }: Line): void {
  // Behind the announcement nothing more is answered, so that of pipelined requests only the last may have it.
  const last = responses.at(-1);
  for (const response of responses) {
    // HTTP/2 has no such header; its sessions say it in a frame of their own.
    if (response.headersSent || response.req.httpVersionMajor > 1) continue;
    if (response === last) response.setHeader("Connection", "close");
    else if (response.getHeader("Connection") === "close") response.removeHeader("Connection");
  }
}

/** The connections of a server and what is due on each, from now on, by its events. */
export class Connections {
  readonly #emitter: EventEmitter | undefined;
  readonly #clock: Clock;
  readonly #isHttp: boolean;
  readonly #isSecure: boolean;
  readonly #lines = new Map<Connection, Line>();
  /** The sockets on which a TLS handshake has not ended yet. */
  readonly #handshakes = new Map<string, Line>();
  readonly #decisions = new Set<string>();
  readonly #cuts: { -readonly [Kind in keyof ShutdownCut]: number } = {};
  #draining = false;

  /** @throws what a server throws that cannot be listened to; nothing is left on it then. */
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

  /** How many were ended before they were finished. */
  get cuts(): ShutdownCut {
    return this.#cuts;
  }

  /** Whether a response is due. */
  get isAnswering(): boolean {
    return [...this.#lines.values()].some(({ responses }) => responses.length > 0);
  }

  /** From now on responses announce that their connection closes, and sessions and WebSockets are told. */
  drain(): void {
    this.#draining = true;
    for (const line of this.#lines.values()) this.#announce(line);
  }

  /** Takes in what was there before and has no request. */
  adopt(connection: Connection): void {
    if (!this.#lines.has(connection)) this.#open(connection, this.#protocolOf(connection));
  }

  /**
   * Ends the connections that wait in vain: for a request, for the rest of a body, for a WebSocket to close.
   * What has come while the thread was busy is read between two looks, so that it takes two to be sure. Returns
   * whether another should follow soon.
   */
  sweep(patience: Patience): boolean {
    const now = this.#clock.now();
    let isUnsure = false;
    for (const line of [...this.#lines.values(), ...this.#handshakes.values()]) {
      this.#tell(line);
      const verdict = line.verdict(patience, now);
      if (verdict === undefined) line.isDue = false;
      else if (line.isDue) {
        if (verdict !== "idle") this.#count(verdict);
        this.#cut(line);
      } else isUnsure = line.isDue = true;
    }
    return isUnsure;
  }

  /** Ends all at once. */
  cutAll(): void {
    const lines = [...this.#lines.values(), ...this.#handshakes.values()];
    // What a session goes over is a connection, too, and not one more.
    const sessions = lines.filter(({ connection }) => isSession(connection));
    for (const line of lines) {
      const isCounted =
        line.protocol === "other" && sessions.length > 0 ? sessions.includes(line) : line.isNeeded;
      if (isCounted) this.#count("unfinished");
      this.#cut(line);
    }
  }

  /** Follows no more. */
  release(): void {
    this.#listen("off");
    for (const event of this.#decisions) this.#emitter?.off(event, this.#decided(event));
  }

  #listen(how: "on" | "off"): void {
    this.#emitter?.[how]("connection", this.#connected);
    this.#emitter?.[how]("secureConnection", this.#secured);
    this.#emitter?.[how]("session", this.#connected);
    // These say what others begin and cease to listen to.
    this.#emitter?.[how]("newListener", this.#joined);
    this.#emitter?.[how]("removeListener", this.#left);
  }

  /** Ends a connection at once, once. */
  #cut({ connection, protocol, responses }: Line): void {
    this.#lines.delete(connection);
    // A session that is told to close waits for a client that takes nothing any more: its socket is ended, too.
    if (protocol === "other" && responses.length > 0 && connection.remotePort !== undefined) {
      const from = origin(connection);
      const sockets = [...this.#lines.values()].filter((line) => origin(line.connection) === from);
      for (const line of sockets) this.#cut(line);
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

  #open(connection: Connection, protocol: Protocol): Line {
    const line = new Line(connection, protocol, this.#clock.now());
    this.#lines.set(connection, line);
    connection.once("close", () => this.#lines.delete(connection));
    if (this.#draining) this.#announce(line);
    return line;
  }

  /** Tells a WebSocket of which only the socket is known that it closes, once it may be told. */
  #tell(line: Line): void {
    const { connection, protocol, toldAt } = line;
    if (protocol !== "websocket" || toldAt !== undefined || !line.isUpgradeAnswered) return;
    line.toldAt = this.#clock.now();
    // Its client may be gone, which the application need not hear of by our doing.
    connection.once("error", () => {});
    connection.write?.(CLOSE_FRAME);
  }

  #announce(line: Line): void {
    announceClose(line);
    const { connection } = line;
    // Both let what is under way finish; a WebSocket alone wants to know why.
    if (connection.terminate === undefined) connection.close?.();
    else {
      line.toldAt = this.#clock.now();
      connection.close?.(GOING_AWAY);
    }
  }

  readonly #connected = (connection: Connection): void => {
    if (this.#isSecure && connection.close === undefined) {
      const handshake = new Line(connection, "http", this.#clock.now());
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
    // What goes over it then is the session's business.
    this.#open(connection, this.#protocolOf(connection));
  };

  readonly #requested = ({ socket }: IncomingMessage, response: ServerResponse): void => {
    const isOne = response.req.httpVersionMajor === 1;
    const line = this.#lines.get(socket) ?? this.#open(socket, this.#isHttp && isOne ? "http" : "other");
    line.responses.push(response);
    if (this.#draining) announceClose(line);
    response.once("close", () => line.answered(response, this.#clock.now()));
  };

  readonly #upgraded = ({ socket, headers }: IncomingMessage): void => {
    const line = this.#lines.get(socket) ?? this.#open(socket, "tunnel");
    const isWebSocket = headers.upgrade?.toLowerCase() === "websocket";
    line.upgraded(isWebSocket ? "websocket" : "tunnel", this.#clock.now());
  };

  #decided(event: string): (request: IncomingMessage, response: ServerResponse) => void {
    return event === "upgrade" || event === "connect" ? this.#upgraded : this.#requested;
  }

  readonly #joined = (event: string | symbol): void => {
    if (typeof event !== "string" || !DECISIONS.has(event) || this.#decisions.has(event)) return;
    this.#decisions.add(event);
    // First, because the application's own listener may send the headers.
    this.#emitter?.prependListener(event, this.#decided(event));
  };

  readonly #left = (event: string): void => {
    if (this.#emitter?.listenerCount(event) !== 1 || !this.#decisions.delete(event)) return;
    this.#emitter.off(event, this.#decided(event));
  };
}
