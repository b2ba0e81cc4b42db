import type { Clock, Timer } from "../kernel/clock.js";
import { show } from "../kernel/show.js";
import { isThenable } from "../kernel/thenable.js";
import { type Connection, Connections } from "./connections.js";
import type { Hook } from "./plan.js";

/**
 * Anything that stops with `close(callback)`: a server of node:http, https, http2, net, of WebSockets, or a
 * framework's. A promise that `close` returns is awaited as well; whichever comes first counts.
 */
export interface ClosableServer {
  close(callback: (error?: Error) => void): unknown;
}

/** What an HTTP server and one of WebSockets have besides. */
interface Server extends ClosableServer {
  readonly listening?: boolean;
  readonly clients?: Iterable<Connection>;
  closeIdleConnections?(): void;
  closeAllConnections?(): void;
}

/** How often a drain looks for connections that nobody needs, in milliseconds. */
const INTERVAL = 50;

/** How soon it looks again at those that it would end. */
const SOON = 5;

/** Begins to close and says when it is over. */
function close(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    // Node would cut idle connections at once, with the requests that are on their way to them.
    const shadowed =
      server.closeIdleConnections !== undefined &&
      !Object.hasOwn(server, "closeIdleConnections") &&
      Reflect.defineProperty(server, "closeIdleConnections", { value: () => {}, configurable: true });
    try {
      const result = server.close((error?: NodeJS.ErrnoException | null) => {
        // Not running: somebody closed it already, and that is what was asked for.
        if (!error || error.code === "ERR_SERVER_NOT_RUNNING") resolve();
        else reject(error);
      });
      if (isThenable(result)) result.then(() => resolve(), reject);
    } finally {
      if (shadowed) Reflect.deleteProperty(server, "closeIdleConnections");
    }
  });
}

/**
 * The connections of an HTTP server that have not sent a byte, as Node lists them for its own timeouts. There
 * is no public way to find those that were there before the registration; where the list is not as expected,
 * they stay until the deadline.
 */
function silentOf(server: Server): readonly Connection[] {
  const key = Object.getOwnPropertySymbols(server).find(
    ({ description }) => description === "http.server.connections",
  );
  const list: unknown = key && Reflect.get(server, key);
  const all: unknown = list && Reflect.get(Object(list), "all");
  const parsers: unknown = typeof all === "function" ? all.call(list) : [];
  if (!Array.isArray(parsers)) return [];
  return parsers.flatMap(({ socket }: { readonly socket?: Connection | null }) =>
    socket?.bytesRead === 0 ? [socket] : [],
  );
}

/**
 * Follows the connections of a server from now on, to drain them when its turn comes. Node's own `close()`
 * leaves sockets open that never sent a request, lets responses in flight promise keep-alive, and cuts idle
 * connections while requests are on their way to them.
 *
 * @param idleGrace how long to wait for such requests, in milliseconds; a quarter of the time at most.
 * @throws TypeError unless `server` has a `close` method.
 */
export function followServer(
  server: Server,
  clock: Clock,
  idleGrace: number,
): Pick<Hook, "callback" | "release"> {
  if (typeof Reflect.get(Object(server), "close") !== "function") {
    throw new TypeError(`server must have a close method; got ${show(server)}.`);
  }
  const connections = new Connections(server, clock);
  // Only Node knows which connections from before are idle. When in doubt, there are some.
  const isLate = server.listening !== false;

  return {
    async callback({ signal }, time) {
      const patience = Math.min(idleGrace, time / 4);
      const began = clock.now();
      let timer: Timer | undefined;
      signal.addEventListener("abort", () => {
        timer?.cancel();
        server.closeAllConnections?.();
        connections.cutAll();
      });
      if (isLate) {
        for (const connection of [...(server.clients ?? []), ...silentOf(server)])
          connections.adopt(connection);
      }
      const closed = close(server);
      connections.drain();
      const look = (): void => {
        const isUnsure = connections.sweep(began, patience);
        if (isLate && clock.now() - began >= patience) server.closeIdleConnections?.();
        timer = clock.setTimer(look, isUnsure ? SOON : INTERVAL, { ref: false });
      };
      look();
      try {
        await closed;
      } finally {
        timer?.cancel();
      }
    },
    release: () => connections.release(),
  };
}
