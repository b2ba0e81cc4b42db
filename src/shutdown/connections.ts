import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../kernel/clock.js";

/** A socket, an HTTP/2 session, or a WebSocket of a server of those. */
export interface Connection {
  readonly bytesRead?: number;
  readonly alpnProtocol?: string | false | null;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  close?(code?: number): void;
  destroy?(): void;
  terminate?(): void;
  once(event: "close", listener: () => void): unknown;
}

/** What is known of one connection; times in milliseconds. */
interface Line {
  readonly connection: Connection;
  /** The responses that are due on it, in the order of their requests. */
  readonly responses: ServerResponse[];
  /** Whether silence on it means that nobody needs it: not so after an upgrade, nor where the protocol is unknown. */
  judged: boolean;
  /** Since when no response is due. */
  freeSince: number;
  /** Since when nothing has come. */
  quietSince: number;
  bytes: number;
  /** Whether the last look found it no longer needed. */
  isDue: boolean;
}

/**
 * To listen to these changes what the server does: whoever does so decides about the request, or makes an HTTP/2
 * server wrap its streams. They are followed only while somebody else listens.
 */
const DECISIONS = new Set<unknown>(["request", "checkContinue", "checkExpectation", "upgrade", "connect"]);

/** "Going away", in the words of WebSocket. */
const GOING_AWAY = 1001;

/** How long a connection without a request may go on sending without completing one, in milliseconds. */
const HEAD_LIMIT = 2000;

/** Ends a connection at once. */
function cut(connection: Connection): void {
  if (connection.terminate === undefined) connection.destroy?.();
  else connection.terminate();
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
  #draining = false;

  constructor(server: object, clock: Clock) {
    this.#emitter = server instanceof EventEmitter ? server : undefined;
    this.#clock = clock;
    this.#isHttp = "closeIdleConnections" in server;
    this.#isSecure = "setSecureContext" in server;
    this.#listen("on");
    for (const event of this.#emitter?.eventNames() ?? []) this.#joined(event);
  }

  /** From now on responses announce that their connection closes, and sessions and WebSockets are told. */
  drain(): void {
    this.#draining = true;
    for (const line of this.#lines.values()) this.#announce(line);
  }

  /** Takes in what was there before and has no request. */
  adopt(connection: Connection): void {
    if (!this.#lines.has(connection)) this.#open(connection, this.#isHttp);
  }

  /**
   * Ends the connections that wait for a request in vain: nothing has come for `patience` milliseconds, or for
   * longer never a whole request. What has come while the thread was busy is read between two looks, so that it
   * takes two to be sure. Returns whether another should follow soon.
   */
  sweep(since: number, patience: number): boolean {
    const now = this.#clock.now();
    let isUnsure = false;
    for (const line of [...this.#lines.values(), ...this.#handshakes.values()]) {
      const { bytesRead = 0 } = line.connection;
      if (bytesRead > line.bytes) {
        line.bytes = bytesRead;
        line.quietSince = now;
      }
      const isDue =
        line.judged &&
        line.responses.length === 0 &&
        (now - Math.max(since, line.quietSince) >= patience ||
          now - Math.max(since, line.freeSince) >= HEAD_LIMIT);
      if (isDue && line.isDue) cut(line.connection);
      else if (isDue) isUnsure = true;
      line.isDue = isDue;
    }
    return isUnsure;
  }

  /** Ends all at once. */
  cutAll(): void {
    for (const { connection } of [...this.#lines.values(), ...this.#handshakes.values()]) cut(connection);
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

  #line(connection: Connection, judged: boolean): Line {
    const now = this.#clock.now();
    const bytes = connection.bytesRead ?? 0;
    return { connection, responses: [], judged, freeSince: now, quietSince: now, bytes, isDue: false };
  }

  #open(connection: Connection, judged: boolean): Line {
    const line = this.#line(connection, judged);
    this.#lines.set(connection, line);
    connection.once("close", () => this.#lines.delete(connection));
    if (this.#draining) this.#announce(line);
    return line;
  }

  #announce(line: Line): void {
    announceClose(line);
    const { connection } = line;
    // Both let what is under way finish; a WebSocket alone wants to know why.
    if (connection.terminate === undefined) connection.close?.();
    else connection.close?.(GOING_AWAY);
  }

  readonly #connected = (connection: Connection): void => {
    if (this.#isSecure && connection.close === undefined) {
      const handshake = this.#line(connection, true);
      const key = origin(connection);
      this.#handshakes.set(key, handshake);
      connection.once("close", () => {
        if (this.#handshakes.get(key) === handshake) this.#handshakes.delete(key);
      });
    } else {
      this.#open(connection, this.#isHttp && connection.close === undefined);
    }
  };

  readonly #secured = (connection: Connection): void => {
    this.#handshakes.delete(origin(connection));
    // What goes over it then is the session's business.
    this.#open(connection, this.#isHttp && connection.alpnProtocol !== "h2");
  };

  readonly #requested = ({ socket }: IncomingMessage, response: ServerResponse): void => {
    const line =
      this.#lines.get(socket) ?? this.#open(socket, this.#isHttp && response.req.httpVersionMajor === 1);
    line.responses.push(response);
    if (this.#draining) announceClose(line);
    response.once("close", () => {
      line.responses.splice(line.responses.indexOf(response), 1);
      line.freeSince = line.quietSince = this.#clock.now();
      line.bytes = line.connection.bytesRead ?? 0;
    });
  };

  readonly #upgraded = ({ socket }: IncomingMessage): void => {
    const line = this.#lines.get(socket) ?? this.#open(socket, false);
    line.judged = false;
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
