import type { ServerResponse } from "node:http";

/** A socket, an HTTP/2 session, or the client object of a WebSocket server. */
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
 * What is spoken on a connection. `http`: HTTP/1, so a silent connection without a request is idle; `websocket`: it is
 * told to close; `tunnel`: anything else after an upgrade; `other`: an HTTP/2 session, or an unknown protocol.
 */
export type Protocol = "http" | "websocket" | "tunnel" | "other";

/** Why a connection is ended. An `idle` one had no request, so nothing is cut off. */
export type Verdict = "idle" | "websockets" | "uploads" | "downloads" | "tunnels";

/** How long a client may take to send the head of its next request, in milliseconds. */
const HEAD_LIMIT = 2000;

/** How long a WebSocket has to close once it was told; half of the server's time at most. */
const CLOSE_LIMIT = 2000;

/** How long nothing may move on a body or tunnel; half of the server's time at most. */
const SILENCE_LIMIT = 5000;

/** How long a drain waits for what, in milliseconds. */
export interface Patience {
  /** When the drain began. */
  readonly since: number;
  /** How long an idle connection stays open for a request that is on its way. */
  readonly idle: number;
  readonly close: number;
  readonly silence: number;
}

/** Divides the time that a server has. */
export function patienceOf(since: number, time: number, idleGrace: number): Patience {
  return {
    since,
    idle: Math.min(idleGrace, time / 4),
    close: Math.min(CLOSE_LIMIT, time / 2),
    silence: Math.min(SILENCE_LIMIT, time / 2),
  };
}

/** What has gone over a connection so far, as far as the runtime says. */
interface Traffic {
  readonly read: number;
  readonly written: number | undefined;
  /** What was written and not handed to the system yet; `undefined` where the runtime does not say. */
  readonly queued: number | undefined;
}

function numberOf(object: unknown, key: string): number | undefined {
  const value: unknown = object && Reflect.get(Object(object), key);
  return typeof value === "number" ? value : undefined;
}

/**
 * Reads the counters of the handle, as Node's own timeouts do: those of the socket stand still while one large chunk is
 * on its way. Under TLS only the handle below the TLS socket has them.
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

/** What a drain knows of one connection; times in milliseconds. */
export class TrackedConnection {
  readonly connection: Connection;
  /** The responses that have not ended, in the order of their requests. */
  readonly responses: ServerResponse[] = [];
  protocol: Protocol;
  /** Since when it has no request; of a WebSocket, since when it is one. */
  freeSince: number;
  /** When a WebSocket was told to close. */
  toldAt: number | undefined;
  /** Whether the last sweep would have ended it. */
  isDue = false;
  /** Since when the client is waited for and nothing has moved. */
  #quietSince: number;
  /** As it was at the last sweep. */
  #traffic: Traffic = { read: 0, written: undefined, queued: undefined };
  /** How much had been written when the upgrade was asked for. */
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

  /** The client has asked for another protocol. */
  upgraded(protocol: Protocol, now: number): void {
    this.protocol = protocol;
    this.freeSince = now;
    this.#written = this.connection.bytesWritten ?? 0;
  }

  /** Whether the application has answered the upgrade, and the connection is still open. */
  get isUpgradeAnswered(): boolean {
    const { bytesWritten = 0, writable } = this.connection;
    return writable === true && bytesWritten > this.#written;
  }

  /** Whether ending it cuts something off. */
  get isNeeded(): boolean {
    return this.protocol !== "http" || this.responses.length > 0;
  }

  /** Why it can be ended at `now`, if it can. */
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

  /** What the client, not the application, is late with. */
  #waitsFor(): "uploads" | "downloads" | "tunnels" | undefined {
    // If the runtime does not count traffic, a slow client cannot be recognised.
    if (this.#traffic.queued === undefined) return undefined;
    if (this.protocol === "tunnel") return "tunnels";
    for (const response of this.responses) {
      const { req } = response;
      // The application reads, and has read everything that arrived.
      if (!req.complete && req.readableFlowing !== null && req.readableLength === 0) return "uploads";
      const stream: unknown = Reflect.get(response, "stream");
      const waiting = this.connection.writableLength || numberOf(stream, "writableLength") || 0;
      if (waiting > 0) return "downloads";
    }
    return undefined;
  }
}
