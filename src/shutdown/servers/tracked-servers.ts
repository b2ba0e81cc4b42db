import type { Clock } from "../../kernel/clock.js";
import type { ShutdownCut } from "../report.js";
import type { Connection, Patience } from "./connection.js";
import { Connections } from "./connections.js";
import { type NodeServer, nodeServers, webSocketsOf } from "./frameworks.js";

/**
 * The connections of an HTTP server, from the list that Node keeps for its own timeouts: there is no public way to find
 * those from before the registration. Where the list does not look as expected, they stay open until the deadline.
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

/** A server of Node or of WebSockets, and its connections. */
interface Tracked {
  readonly server: object;
  readonly connections: Connections;
  /** Whether it may have connections from before, of which only Node knows whether they are idle. */
  readonly isLate: boolean;
}

/** The servers inside what was registered, and their connections. */
export class TrackedServers {
  readonly #given: object;
  readonly #clock: Clock;
  #all: readonly Tracked[] = [];

  constructor(given: object, clock: Clock) {
    this.#given = given;
    this.#clock = clock;
    this.look();
  }

  /** Whether a response has not ended. */
  get isAnswering(): boolean {
    return this.#all.some(({ connections }) => connections.isAnswering);
  }

  /** The connections cut off in all of them; `undefined` if there were none. */
  get cut(): ShutdownCut | undefined {
    const sum: Record<string, number> = {};
    for (const { connections } of this.#all) {
      for (const [kind, count] of Object.entries(connections.cuts)) sum[kind] = (sum[kind] ?? 0) + count;
    }
    return Object.keys(sum).length === 0 ? undefined : Object.freeze(sum);
  }

  /** Looks for servers that are not tracked yet: a framework may make them late. Returns those of Node. */
  look(): readonly NodeServer[] {
    const servers = nodeServers(this.#given);
    for (const server of webSocketsOf(this.#given) === undefined ? servers : [this.#given, ...servers]) {
      if (!this.#all.some((tracked) => tracked.server === server)) this.#track(server);
    }
    return servers;
  }

  /** Tracks the earlier connections that have sent nothing yet. */
  adopt(): void {
    for (const { server, connections, isLate } of this.#all) {
      if (!isLate) continue;
      const silent = socketsOf(server).filter(({ bytesRead }) => bytesRead === 0);
      for (const connection of [...(webSocketsOf(server) ?? []), ...silent]) connections.adopt(connection);
    }
  }

  /** Announces on all connections that they close. */
  drain(): void {
    for (const { connections } of this.#all) connections.drain();
  }

  /** Ends those whose client is late; returns whether to sweep again soon. */
  sweep(patience: Patience): boolean {
    return this.#all.map(({ connections }) => connections.sweep(patience)).includes(true);
  }

  /** Lets Node end the idle ones from before, but not while an answer is being sent: to Node that is idle, too. */
  closeIdle(): void {
    for (const { server, isLate } of this.#all) {
      const isSending = socketsOf(server).some(({ writableLength = 0 }) => writableLength > 0);
      if (isLate && !isSending) (server as Partial<NodeServer>).closeIdleConnections?.();
    }
  }

  /** Ends all connections now. */
  cutAll(): void {
    for (const { connections } of this.#all) connections.cutAll();
  }

  /** Removes all listeners. */
  release(): void {
    for (const { connections } of this.#all) connections.release();
  }

  #track(server: object): void {
    try {
      const isLate = Reflect.get(server, "listening") !== false;
      this.#all = [...this.#all, { server, connections: new Connections(server, this.#clock), isLate }];
    } catch {
      // A server that refuses listeners is still closed in its turn; start-up must not fail because of it.
    }
  }
}
