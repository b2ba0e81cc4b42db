import { isError } from "../kernel/is-error.js";
import type { SocketLike, WebSocketMessage } from "./socket.js";

/** The response that refused a handshake, as `ws` tells it. */
export interface HandshakeResponse {
  readonly statusCode?: number;
}

/** The connection of the network below, as `ws` tells it. */
export interface ByteCounter {
  readonly bytesRead?: number;
}

/** Receives what a socket says, whichever it is. */
export interface SocketListener {
  opened(): void;
  message(data: WebSocketMessage): void;
  /** A ping, or the answer to one. */
  heard(): void;
  /** It is of no use any more; whether `closed` follows depends on the socket. */
  failed(error: Error): void;
  refused(response: HandshakeResponse): void;
  closed(code: number, text: string): void;
  upgraded(by: ByteCounter | undefined): void;
}

/** Listens to a socket until the returned function is called. */
export function listen(socket: SocketLike, to: SocketListener): () => void {
  const heard = { pong: () => to.heard(), ping: () => to.heard() };
  const ofTheWeb: Readonly<Record<string, (event: never) => void>> = {
    // Events of Bun's WebSocket; that of `ws` tells them to `on` alone.
    ...heard,
    open: () => to.opened(),
    message: ({ data }: { readonly data: WebSocketMessage }) => to.message(data),
    error: ({ error, message = "" }: { readonly error?: unknown; readonly message?: string }) => {
      to.failed(isError(error) ? error : new Error(`the socket failed: ${message}`));
    },
    close: ({ code, reason }: { readonly code: number; readonly reason: string }) => to.closed(code, reason),
  };
  const ofWs: Readonly<Record<string, (...args: never[]) => void>> = {
    ...heard,
    upgrade: ({ socket: below }: { readonly socket?: ByteCounter }) => to.upgraded(below),
    "unexpected-response": (_request: unknown, response: HandshakeResponse) => to.refused(response),
  };
  for (const [event, listener] of Object.entries(ofTheWeb)) socket.addEventListener(event, listener);
  for (const [event, listener] of Object.entries(ofWs)) socket.on?.(event, listener);
  return () => {
    for (const [event, listener] of Object.entries(ofTheWeb)) socket.removeEventListener(event, listener);
    for (const [event, listener] of Object.entries(ofWs)) socket.off?.(event, listener);
    // What a socket says after its end concerns nobody, but an unheard error of `ws` would end the process.
    socket.addEventListener("error", () => {});
  };
}
