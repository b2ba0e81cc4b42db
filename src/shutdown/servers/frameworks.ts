import { EventEmitter } from "node:events";
import type { Connection } from "./connection.js";

/**
 * Anything that stops with `close(callback)`: a server of node:http, https, http2, net, of WebSockets, or a
 * framework's. A promise that `close` returns is awaited as well; whichever comes first counts.
 */
export interface ClosableServer {
  close(callback: (error?: Error) => void): unknown;
}

/** A server of Node's own kind. */
export interface NodeServer extends ClosableServer, EventEmitter {
  readonly listening?: boolean;
  closeIdleConnections?(): void;
  closeAllConnections?(): void;
}

/**
 * When a framework may close itself. `first`: at once, because it ends connections that would not end otherwise (ws,
 * socket.io). `idle`: when no request is on its way any more, because it answers those with 503 (Fastify). `answered`:
 * when no response is due, because it ends first what they need (Nest).
 */
export type CloseTime = "first" | "idle" | "answered";

/** How many frameworks may stand around a server. */
const DEPTH = 2;

/** Reads what may be there, of an object that may be a proxy or have getters of its own. */
function read(object: object, key: PropertyKey): unknown {
  try {
    return Reflect.get(object, key);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

function has(object: object, ...methods: readonly string[]): boolean {
  return methods.every((name) => typeof read(object, name) === "function");
}

/** Whether it is something that `registerServer` can close. */
export function isClosable(value: unknown): value is ClosableServer {
  return isObject(value) && has(value, "close");
}

function isEmitter(value: object): boolean {
  try {
    return value instanceof EventEmitter;
  } catch {
    return false;
  }
}

function isNodeServer(value: object): value is NodeServer {
  return isEmitter(value) && has(value, "close", "listen", "address");
}

/** What Nest calls its server; of its own proxies only this method is safe to call. */
function httpServerOf(application: object): unknown {
  if (!has(application, "getHttpServer")) return undefined;
  try {
    return Reflect.apply(read(application, "getHttpServer") as () => unknown, application, []);
  } catch {
    return undefined;
  }
}

/** The server that a WebSocket server has made for itself; one that it was given is the application's. */
function ownServerOf(server: object): unknown {
  const options = read(server, "options");
  return isObject(options) && read(options, "server") ? undefined : read(server, "_server");
}

/** Fastify listens with one more server for each further address of "localhost". */
function bindingsOf(server: object): readonly unknown[] {
  try {
    const key = Object.getOwnPropertySymbols(server).find(
      ({ description }) => description === "fastify.serverBindings",
    );
    const bindings: unknown = key && Reflect.get(server, key);
    return Array.isArray(bindings) ? bindings : [];
  } catch {
    return [];
  }
}

/** The servers of Node behind what was given, from itself to those of a framework; may be none, or none yet. */
export function nodeServers(given: object, depth: number = DEPTH): readonly NodeServer[] {
  if (isNodeServer(given)) return [given];
  const inner = [
    httpServerOf(given),
    read(given, "server"),
    read(given, "httpServer"),
    ownServerOf(given),
    ...bindingsOf(given),
  ].filter(isObject);
  const found =
    depth === 0 ? inner.filter(isNodeServer) : inner.flatMap((part) => nodeServers(part, depth - 1));
  return [...new Set(found)];
}

/** The clients of a WebSocket server; `undefined` where it is none. */
export function webSocketsOf(server: object): readonly Connection[] | undefined {
  const clients = read(server, "clients");
  if (!isEmitter(server) || !isObject(clients) || !has(clients, "has", "values")) return undefined;
  return [...(clients as ReadonlySet<unknown>)].filter(
    (client): client is Connection & object => isObject(client) && has(client, "terminate", "once"),
  );
}

/** When something that is no server of Node itself is to be closed. */
export function closeTime(given: object): CloseTime {
  if (has(given, "getHttpServer")) return "answered";
  const settings = read(given, "initialConfig");
  if (isObject(settings) && read(settings, "forceCloseConnections") === true) return "answered";
  return isObject(read(given, "server")) ? "idle" : "first";
}

/** Whether Nest listens to this signal itself, and closes the application by itself. */
function closesItself(application: object, reason: string): boolean {
  const signals = read(application, "activeShutdownSignals");
  return Array.isArray(signals) && signals.includes(reason);
}

/** Not running: somebody has closed it already, and that is what was asked for. */
function isClosed(error: unknown): boolean {
  if (!isObject(error)) return false;
  return (
    read(error, "code") === "ERR_SERVER_NOT_RUNNING" || read(error, "message") === "The server is not running"
  );
}

/** Closes it and says when that is over. */
export function closeServer(server: ClosableServer, reason: string): Promise<void> {
  // Nest passes on to its hooks which signal it was.
  const isNest = has(server, "getHttpServer");
  if (isNest && closesItself(server, reason)) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const done = (error?: unknown): void => {
      if (!error || isClosed(error)) resolve();
      else reject(error);
    };
    const result = server.close(isNest ? (reason as never) : done);
    // Fastify returns itself, which is a promise of having started.
    if (isObject(result) && result !== server && has(result, "then")) {
      (result as PromiseLike<unknown>).then(() => resolve(), done);
    } else if (isNest) resolve();
  });
}
