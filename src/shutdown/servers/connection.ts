import type { ServerResponse } from "node:http";

/** A socket, an HTTP/2 session, or a WebSocket of a server of those. */
export interface Connection {
  readonly bytesRead?: number;
  readonly bytesWritten?: number;
  readonly writable?: boolean;
  readonly writableLength?: number;
  readonly alpnProtocol?: string | false | null;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  write?(data: Uint8Array): unknown;
  close?(code?: number): void;
  destroy?(): void;
  terminate?(): void;
  once(event: "close" | "error", listener: () => void): unknown;
}

/**
 * What is spoken on a connection. `http`: requests and responses, so that silence without a request means that nobody
 * needs it; `websocket`: it is told to close; `tunnel`: anything else after an upgrade; `other`: an HTTP/2 session, or
 * a protocol that is not known.
 */
export type Protocol = "http" | "websocket" | "tunnel" | "other";

/** Why a connection is ended: `idle` ones were in the middle of nothing. */
export type Verdict = "idle" | "websockets" | "uploads" | "downloads" | "tunnels";

/** How long a connection without a request may go on sending without completing one, in milliseconds. */
const HEAD_LIMIT = 2000;

/** How long a WebSocket has to answer that it closes; half of the server's time at most. */
const CLOSE_LIMIT = 2000;

/** How long a client may keep a body, or a tunnel, waiting for its next byte; half of the server's time at most. */
const SILENCE_LIMIT = 5000;

/** What a drain is patient with, in milliseconds. */
export interface Patience {
  /** When the drain has begun. */
  readonly since: number;
  /** How long it waits for requests that are on their way. */
  readonly idle: number;
  readonly close: number;
  readonly silence: number;
}

/** Divides the time of a server. */
export function patienceOf(since: number, time: number, idleGrace: number): Patience {
  return {
    since,
    idle: Math.min(idleGrace, time / 4),
    close: Math.min(CLOSE_LIMIT, time / 2),
    silence: Math.min(SILENCE_LIMIT, time / 2),
  };
}

/** What has gone over a connection so far, as far as it can be told. */
interface Traffic {
  readonly read: number;
  readonly written: number | undefined;
  /** What the system has not taken yet of what was written: `undefined` where the runtime does not say. */
  readonly queued: number | undefined;
}

function numberOf(object: unknown, key: string): number | undefined {
  const value: unknown = object && Reflect.get(Object(object), key);
  return typeof value === "number" ? value : undefined;
}

/**
 * Node's own timeouts look at the same numbers of the handle. Those of the socket do not show how one long piece moves
 * on, and of TLS only the handle below does.
 */
function traffic(connection: Connection): Traffic {
  const own: unknown = Reflect.get(connection, "_handle");
  const below: unknown = own && Reflect.get(Object(own), "_parent");
  const handle = below ?? (Reflect.get(connection, "encrypted") === true ? undefined : own);
  return {
    read: connection.bytesRead ?? 0,
    written: numberOf(handle, "bytesWritten"),
    queued: numberOf(handle, "writeQueueSize"),
  };
}

/** What is known of one connection; times in milliseconds. */
export class Line {
  readonly connection: Connection;
  /** The responses that are due on it, in the order of their requests. */
  readonly responses: ServerResponse[] = [];
  protocol: Protocol;
  /** Since when no response is due; of a WebSocket, since when it is one. */
  freeSince: number;
  /** When a WebSocket was told to close. */
  toldAt: number | undefined;
  /** Whether the last look found it no longer needed. */
  isDue = false;
  /** Since when nothing has moved, or it was not the client who was waited for. */
  #quietSince: number;
  /** As it was at the last look. */
  #traffic: Traffic = { read: 0, written: undefined, queued: undefined };
  /** What had been written when it was upgraded. */
  #written = 0;

  constructor(connection: Connection, protocol: Protocol, now: number) {
    this.connection = connection;
    this.protocol = protocol;
    this.freeSince = this.#quietSince = now;
  }

  /** A response has ended. */
  answered(response: ServerResponse, now: number): void {
    this.responses.splice(this.responses.indexOf(response), 1);
    this.freeSince = this.#quietSince = now;
  }

  /** It has left HTTP. */
  upgraded(protocol: Protocol, now: number): void {
    this.protocol = protocol;
    this.freeSince = now;
    this.#written = this.connection.bytesWritten ?? 0;
  }

  /** Whether the server has agreed to the upgrade, or refused it, and can still write. */
  get isUpgradeAnswered(): boolean {
    const { bytesWritten = 0, writable } = this.connection;
    return writable === true && bytesWritten > this.#written;
  }

  /** Whether something would be lost with it. */
  get isNeeded(): boolean {
    return this.protocol !== "http" || this.responses.length > 0;
  }

  /** Says why nobody needs it any longer, if so. */
  verdict(patience: Patience, now: number): Verdict | undefined {
    const waitsFor = this.#waitsFor();
    const seen = traffic(this.connection);
    const { read, written, queued } = this.#traffic;
    const hasMoved = seen.read !== read || seen.written !== written || seen.queued !== queued;
    this.#traffic = seen;
    if (hasMoved || (this.responses.length > 0 && waitsFor === undefined)) this.#quietSince = now;
    const silence = now - Math.max(patience.since, this.#quietSince);
    if (this.protocol === "websocket") {
      return now - Math.max(patience.since, this.toldAt ?? this.freeSince) >= patience.close
        ? "websockets"
        : undefined;
    }
    if (this.protocol === "http" && this.responses.length === 0) {
      return silence >= patience.idle || now - Math.max(patience.since, this.freeSince) >= HEAD_LIMIT
        ? "idle"
        : undefined;
    }
    return silence >= patience.silence ? waitsFor : undefined;
  }

  /** What is due from the client, and not from the application. */
  #waitsFor(): "uploads" | "downloads" | "tunnels" | undefined {
    // A runtime that does not tell what moves cannot tell who stands still.
    if (this.#traffic.queued === undefined) return undefined;
    if (this.protocol === "tunnel") return "tunnels";
    for (const response of this.responses) {
      const { req } = response;
      // What has come is read, and somebody reads.
      if (!req.complete && req.readableFlowing !== null && req.readableLength === 0) return "uploads";
      const stream: unknown = Reflect.get(response, "stream");
      const waiting = this.connection.writableLength || numberOf(stream, "writableLength") || 0;
      if (waiting > 0) return "downloads";
    }
    return undefined;
  }
}
