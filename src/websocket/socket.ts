import { WebSocketManagerError } from "./errors.js";

/** What is sent: text, or bytes. */
export type WebSocketData = string | ArrayBuffer | ArrayBufferView;
/** What is received: text, or bytes. */
export type WebSocketMessage = string | ArrayBuffer;

/** The part of a `WebSocket` that is used: that of the web, with what `ws` has beyond. */
export interface SocketLike {
  binaryType: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  send(data: WebSocketData): void;
  close(code?: number, reason?: string): void;
  addEventListener(event: string, listener: (event: never) => void): void;
  removeEventListener(event: string, listener: (event: never) => void): void;
  ping?(): void;
  terminate?(): void;
  pause?(): void;
  resume?(): void;
  on?(event: string, listener: (...args: never[]) => void): unknown;
  off?(event: string, listener: (...args: never[]) => void): unknown;
}

/** The global `WebSocket`, that of `ws`, or one like them. */
export type WebSocketConstructor = new (...args: never[]) => object;

/** How a socket is made. */
export interface SocketOptions {
  readonly protocols: readonly string[];
  readonly headers: Readonly<Record<string, string>> | undefined;
}

/** `ws` has Node's `on` as well as the listeners of the web. */
export function isOfWs(socket: Pick<SocketLike, "on">): boolean {
  return typeof socket.on === "function";
}

/**
 * The constructor to use: the given one, the global one, or that of `ws`.
 *
 * @throws WebSocketManagerError `ERR_WEBSOCKET_UNAVAILABLE` (as a rejection) when there is none.
 */
export async function findConstructor(
  given: WebSocketConstructor | undefined,
): Promise<WebSocketConstructor> {
  const { WebSocket: ofRuntime } = globalThis as { readonly WebSocket?: unknown };
  const found = given ?? (ofRuntime as WebSocketConstructor | undefined);
  if (found !== undefined) return found;
  // A bundler leaves the import as it is, so that one without `ws` builds.
  const loaded = await import(/* webpackIgnore: true */ "ws").catch((cause: unknown) => {
    throw new WebSocketManagerError(
      "ERR_WEBSOCKET_UNAVAILABLE",
      "there is no WebSocket: install ws, use Node.js 22 or later, or give the option WebSocket.",
      { cause },
    );
  });
  return (loaded as { readonly default: unknown }).default as WebSocketConstructor;
}

/** Makes a socket, which begins to connect. Throws what the constructor throws, for a bad URL for example. */
export function makeSocket(
  constructor: WebSocketConstructor,
  url: string,
  { protocols, headers }: SocketOptions,
): SocketLike {
  const list = [...protocols];
  let args: unknown[] = [list];
  // The WebSocket of Node.js, Bun and Deno takes an object in place of the protocols; `ws` has a third argument.
  if (headers !== undefined) {
    const isWs = isOfWs(constructor.prototype as SocketLike);
    args = isWs ? [list, { headers }] : [list.length > 0 ? { protocols: list, headers } : { headers }];
  }
  const socket = Reflect.construct(constructor, [url, ...args]) as SocketLike;
  socket.binaryType = "arraybuffer";
  return socket;
}
