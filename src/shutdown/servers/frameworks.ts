import { EventEmitter } from "node:events";
import type { Connection } from "./connection.js";

/**
 * Anything with a `close(callback)`: a server of node:http, https, http2, net, of WebSockets, or a framework. If
 * `close` returns a promise, the promise or the callback counts, whichever is first.
 */
export interface ClosableServer {
  close(callback: (error?: Error) => void): unknown;
}

/** A server of Node itself. */
export interface NodeServer extends ClosableServer, EventEmitter {
  readonly listening?: boolean;
  closeIdleConnections?(): void;
  closeAllConnections?(): void;
}

/**
 * When a framework's own `close` is called. `first`: at once, because only it ends some connections (ws, socket.io).
 * `idle`: once no request can be on its way, because from then on it answers 503 (Fastify). `answered`: after the last
 * response, because its hooks end what responses need (Nest).
 */
export type CloseTime = "first" | "idle" | "answered";

/** How deep a server may be inside frameworks. */
const DEPTH = 2;

/** Reads a property that may not be there, also of a proxy such as Nest's or a getter that throws. */
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

/** Whether `registerServer` can close it. */
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

/** The server of Nest; its application is a proxy of which only this method is safe to call. */
function httpServerOf(application: object): unknown {
  if (!has(application, "getHttpServer")) return undefined;
  try {
    return Reflect.apply(read(application, "getHttpServer") as () => unknown, application, []);
  } catch {
    return undefined;
  }
}

/** The HTTP server that a WebSocket server made for itself. One that it was given is the application's to register. */
function ownServerOf(server: object): unknown {
  const options = read(server, "options");
  return isObject(options) && read(options, "server") ? undefined : read(server, "_server");
}

/** For "localhost" Fastify has one more server for each further address. */
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

/** The servers of Node in what was given, which may itself be one; empty if there are none yet. */
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

/** The clients of a WebSocket server; `undefined` for anything else. */
export function webSocketsOf(server: object): readonly Connection[] | undefined {
  const clients = read(server, "clients");
  if (!isEmitter(server) || !isObject(clients) || !has(clients, "has", "values")) return undefined;
  return [...(clients as ReadonlySet<unknown>)].filter(
    (client): client is Connection & object => isObject(client) && has(client, "terminate", "once"),
  );
}

/** When to close something that is not itself a server of Node. */
export function closeTime(given: object): CloseTime {
  if (has(given, "getHttpServer")) return "answered";
  const settings = read(given, "initialConfig");
  if (isObject(settings) && read(settings, "forceCloseConnections") === true) return "answered";
  return isObject(read(given, "server")) ? "idle" : "first";
}

/** Whether Nest listens to this signal and closes the application itself. */
function closesItself(application: object, reason: string): boolean {
  const signals = read(application, "activeShutdownSignals");
  return Array.isArray(signals) && signals.includes(reason);
}

/** Whether the error means that the server was already closed, which is not a failure. */
function isClosed(error: unknown): boolean {
  if (!isObject(error)) return false;
  return (
    read(error, "code") === "ERR_SERVER_NOT_RUNNING" || read(error, "message") === "The server is not running"
  );
}

/** Closes it; resolves when that is done. */
export function closeServer(server: ClosableServer, reason: string): Promise<void> {
  // Nest's close takes the signal, which it passes to its hooks, and no callback.
  const isNest = has(server, "getHttpServer");
  if (isNest && closesItself(server, reason)) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const done = (error?: unknown): void => {
      if (!error || isClosed(error)) resolve();
      else reject(error);
    };
    const result = server.close(isNest ? (reason as never) : done);
    // Fastify returns itself, a thenable for its start.
    if (isObject(result) && result !== server && has(result, "then")) {
      (result as PromiseLike<unknown>).then(() => resolve(), done);
    } else if (isNest) resolve();
  });
}
