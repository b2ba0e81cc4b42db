import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { show } from "../kernel/show.js";
import { isThenable } from "../kernel/thenable.js";
import type { ShutdownContext } from "./report.js";

/**
 * Anything that stops with `close(callback)`: a server of node:http, https, http2, net, or a framework's.
 * A promise that `close` returns is awaited as well; whichever comes first counts.
 */
export interface ClosableServer {
  close(callback: (error?: Error) => void): unknown;
}

/** An HTTP/2 session, as far as draining needs it. */
interface Session {
  close(): void;
  destroy(): void;
  once(event: "close", listener: () => void): unknown;
}

/** Throws a TypeError unless `server` has a `close` method. */
export function checkServer(server: unknown): asserts server is ClosableServer {
  if (
    (typeof server === "object" || typeof server === "function") &&
    server !== null &&
    typeof Reflect.get(server, "close") === "function"
  ) {
    return;
  }
  throw new TypeError(`server must have a close method; got ${show(server)}.`);
}

function callIfThere(server: object, method: string): boolean {
  const found: unknown = Reflect.get(server, method);
  if (typeof found !== "function") return false;
  Reflect.apply(found, server, []);
  return true;
}

/**
 * Follows the connections of a server from its registration on, and drains them. Node's own `close()` leaves
 * sockets open that never sent a request, and lets responses in flight promise keep-alive.
 */
export class ServerDrain {
  readonly #server: ClosableServer;
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<Session>();
  readonly #inFlight = new Set<ServerResponse>();
  #draining = false;

  constructor(server: ClosableServer) {
    this.#server = server;
    if (!(server instanceof EventEmitter)) return;
    // Listening to `upgrade` or `connect` would change what the server does; these do not.
    server.on("connection", this.#connected);
    server.on("secureConnection", this.#connected);
    server.on("session", this.#opened);
    server.prependListener("request", this.#requested);
  }

  /** Stops following; leaves the server as it was. */
  release(): void {
    const server = this.#server;
    if (!(server instanceof EventEmitter)) return;
    server.off("connection", this.#connected);
    server.off("secureConnection", this.#connected);
    server.off("session", this.#opened);
    server.off("request", this.#requested);
  }

  /** Closes the server and waits for the connections in use; the rest is destroyed when `signal` aborts. */
  readonly drain = async ({ signal }: ShutdownContext): Promise<void> => {
    const destroy = (): void => this.#destroyAll();
    signal.addEventListener("abort", destroy, { once: true });
    try {
      const closed = this.#close();
      this.#draining = true;
      for (const response of this.#inFlight) this.#announceClose(response);
      for (const session of this.#sessions) session.close();
      this.#closeIdle();
      await closed;
    } finally {
      signal.removeEventListener("abort", destroy);
      this.release();
    }
  };

  #close(): Promise<void> {
    return new Promise((resolve, reject) => {
      const result = this.#server.close((error) => {
        // Somebody closed it already: that is what was asked for.
        if (
          error === undefined ||
          error === null ||
          Reflect.get(error, "code") === "ERR_SERVER_NOT_RUNNING"
        ) {
          resolve();
        } else reject(error);
      });
      if (isThenable(result)) result.then(() => resolve(), reject);
    });
  }

  #closeIdle(): void {
    // Only an HTTP server knows which of its connections wait for a request.
    if (!callIfThere(this.#server, "closeIdleConnections")) return;
    for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy();
  }

  #destroyAll(): void {
    callIfThere(this.#server, "closeAllConnections");
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }

  #announceClose(response: ServerResponse): void {
    // HTTP/2 has no such header; its sessions say it in a frame of their own.
    if (!response.headersSent && response.req.httpVersionMajor === 1) {
      response.setHeader("Connection", "close");
    }
  }

  readonly #connected = (socket: Socket): void => {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    if (this.#draining) this.#closeIdle();
  };

  readonly #opened = (session: Session): void => {
    this.#sessions.add(session);
    session.once("close", () => this.#sessions.delete(session));
    if (this.#draining) session.close();
  };

  readonly #requested = (_request: IncomingMessage, response: ServerResponse): void => {
    this.#inFlight.add(response);
    if (this.#draining) this.#announceClose(response);
    response.once("close", () => {
      this.#inFlight.delete(response);
      // Its headers may have promised keep-alive before the drain began.
      if (this.#draining) this.#closeIdle();
    });
  };
}
