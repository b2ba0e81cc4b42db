import type { Clock } from "../../kernel/clock.js";
import type { Connection, Patience } from "./connection.js";
import { Connections } from "./connections.js";
import type { ShutdownCut } from "../report.js";
import { type NodeServer, nodeServers, webSocketsOf } from "./frameworks.js";

/**
 * The connections of an HTTP server, as Node lists them for its own timeouts. There is no public way to find those
 * that were there before the registration; where the list is not as expected, they stay until the deadline.
 */
function socketsOf(server: object): readonly Connection[] {
  const key = Object.getOwnPropertySymbols(server).find(
    ({ description }) => description === "http.server.connections",
  );
  const list: unknown = key && Reflect.get(server, key);
  const all: unknown = list && Reflect.get(Object(list), "all");
  const parsers: unknown = typeof all === "function" ? all.call(list) : [];
  if (!Array.isArray(parsers)) return [];
  return parsers.flatMap(({ socket }: { readonly socket?: Connection | null }) => (socket ? [socket] : []));
}

/** What is followed of one server, of Node or of WebSockets. */
interface Followed {
  readonly server: object;
  readonly connections: Connections;
  /** Only Node knows which connections from before are idle. When in doubt, there are some. */
  readonly isLate: boolean;
}

/** The servers that are found in something, and their connections. */
export class FollowedServers {
  readonly #given: object;
  readonly #clock: Clock;
  #all: readonly Followed[] = [];

  constructor(given: object, clock: Clock) {
    this.#given = given;
    this.#clock = clock;
    this.look();
  }

  /** Whether a response is due. */
  get isAnswering(): boolean {
    return this.#all.some(({ connections }) => connections.isAnswering);
  }

  /** What was cut off in all of them; `undefined` when that is nothing. */
  get cut(): ShutdownCut | undefined {
    const sum: Record<string, number> = {};
    for (const { connections } of this.#all) {
      for (const [kind, count] of Object.entries(connections.cuts)) sum[kind] = (sum[kind] ?? 0) + count;
    }
    return Object.keys(sum).length === 0 ? undefined : Object.freeze(sum);
  }

  /** Follows what is not followed yet: a framework may come by its servers late. Returns those of Node. */
  look(): readonly NodeServer[] {
    const servers = nodeServers(this.#given);
    for (const server of webSocketsOf(this.#given) === undefined ? servers : [this.#given, ...servers]) {
      if (!this.#all.some((followed) => followed.server === server)) this.#follow(server);
    }
    return servers;
  }

  /** Takes in the connections from before. */
  adopt(): void {
    for (const { server, connections, isLate } of this.#all) {
      if (!isLate) continue;
      const silent = socketsOf(server).filter(({ bytesRead }) => bytesRead === 0);
      for (const connection of [...(webSocketsOf(server) ?? []), ...silent]) connections.adopt(connection);
    }
  }

  /** Tells all that they are to end. */
  drain(): void {
    for (const { connections } of this.#all) connections.drain();
  }

  /** Ends those that wait in vain; returns whether to look again soon. */
  sweep(patience: Patience): boolean {
    return this.#all.map(({ connections }) => connections.sweep(patience)).includes(true);
  }

  /** Lets Node end those from before that it knows to be idle; to Node that is also what is still being sent. */
  closeIdle(): void {
    for (const { server, isLate } of this.#all) {
      const isSending = socketsOf(server).some(({ writableLength = 0 }) => writableLength > 0);
      if (isLate && !isSending) (server as Partial<NodeServer>).closeIdleConnections?.();
    }
  }

  /** Ends all at once. */
  cutAll(): void {
    for (const { connections } of this.#all) connections.cutAll();
  }

  /** Follows no more. */
  release(): void {
    for (const { connections } of this.#all) connections.release();
  }

  #follow(server: object): void {
    try {
      const isLate = Reflect.get(server, "listening") !== false;
      this.#all = [...this.#all, { server, connections: new Connections(server, this.#clock), isLate }];
    } catch {
      // No reason to fail at start-up: it is closed all the same when its turn comes.
    }
  }
}
