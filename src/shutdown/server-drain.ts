import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock, Timer } from "../kernel/clock.js";
import { show } from "../kernel/show.js";
import { isThenable } from "../kernel/thenable.js";
import type { ShutdownContext } from "./report.js";
import type { Hook } from "./plan.js";

/**
 * Anything that stops with `close(callback)`: a server of node:http, https, http2, net, or a framework's.
 * A promise that `close` returns is awaited as well; whichever comes first counts.
 */
export interface ClosableServer {
  close(callback: (error?: Error) => void): unknown;
}

/** What an HTTP server has besides: only it knows which of its connections wait for a request. */
interface HttpServer extends ClosableServer {
  closeIdleConnections?(): void;
  closeAllConnections?(): void;
}

/** A socket, or an HTTP/2 session, which alone has a `close`: it lets its streams finish. */
interface Connection {
  readonly bytesRead?: number;
  close?(): void;
  destroy(): void;
  once(event: "close", listener: () => void): unknown;
}

// Listening to `upgrade` or `connect` would change what a server does; these do not.
const CONNECTIONS = ["connection", "secureConnection", "session"];
// Whoever listens to these is in charge of the request, so that it is not followed unless somebody does.
const EXPECTATIONS = ["checkContinue", "checkExpectation"];

/** How often a drain looks for idle connections that it did not see come, in milliseconds. */
const INTERVAL = 100;

function announceClose(response: ServerResponse): void {
  // HTTP/2 has no such header; its sessions say it in a frame of their own.
  if (!response.headersSent && response.req.httpVersionMajor === 1) {
    response.setHeader("Connection", "close");
  }
}

function close(server: ClosableServer): Promise<void> {
  return new Promise((resolve, reject) => {
    const result = server.close((error?: NodeJS.ErrnoException | null) => {
      // Not running: somebody closed it already, and that is what was asked for.
      if (!error || error.code === "ERR_SERVER_NOT_RUNNING") resolve();
      else reject(error);
    });
    if (isThenable(result)) result.then(() => resolve(), reject);
  });
}

/**
 * Follows the connections of a server from now on, to drain them when its turn comes. Node's own `close()`
 * leaves sockets open that never sent a request, and lets responses in flight promise keep-alive.
 *
 * @throws TypeError unless `server` has a `close` method.
 */
export function followServer(server: HttpServer, clock: Clock): Required<Pick<Hook, "callback" | "release">> {
  if (typeof Reflect.get(Object(server), "close") !== "function") {
    throw new TypeError(`server must have a close method; got ${show(server)}.`);
  }
  const emitter = server instanceof EventEmitter ? server : undefined;
  const connections = new Set<Connection>();
  const inFlight = new Set<ServerResponse>();
  let draining = false;

  const closeIdle = (): void => {
    server.closeIdleConnections?.();
    for (const connection of connections) {
      if (connection.close !== undefined) connection.close();
      else if (server.closeIdleConnections !== undefined && connection.bytesRead === 0) connection.destroy();
    }
  };
  const connected = (connection: Connection): void => {
    connections.add(connection);
    connection.once("close", () => connections.delete(connection));
    if (draining) closeIdle();
  };
  const requested = (_request: IncomingMessage, response: ServerResponse): void => {
    inFlight.add(response);
    if (draining) announceClose(response);
    response.once("close", () => {
      inFlight.delete(response);
      // Its headers may have promised keep-alive before the drain began.
      if (draining) closeIdle();
    });
  };
  for (const event of CONNECTIONS) emitter?.on(event, connected);
  const requests = ["request", ...EXPECTATIONS.filter((event) => (emitter?.listenerCount(event) ?? 0) > 0)];
  // First, because the application's own listener may send the headers.
  for (const event of requests) emitter?.prependListener(event, requested);

  return {
    async callback({ signal }: ShutdownContext): Promise<void> {
      let timer: Timer | undefined;
      signal.addEventListener("abort", () => {
        timer?.cancel();
        server.closeAllConnections?.();
        for (const connection of connections) connection.destroy();
      });
      const closed = close(server);
      draining = true;
      for (const response of inFlight) announceClose(response);
      const look = (): void => {
        closeIdle();
        timer = clock.setTimer(look, INTERVAL, { ref: false });
      };
      look();
      try {
        await closed;
      } finally {
        timer?.cancel();
      }
    },
    release() {
      for (const event of CONNECTIONS) emitter?.off(event, connected);
      for (const event of requests) emitter?.off(event, requested);
    },
  };
}
