import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";

/** A `ws` server of the test on loopback. */
export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly wss: WebSocketServer;
  /** Every message it has received, in order. */
  readonly received: string[];
  /** The handshakes it has accepted. */
  readonly sockets: WebSocket[];
}

export interface ServerOptions {
  readonly port?: number;
  readonly autoPong?: boolean;
  readonly deflate?: boolean;
  /** The status to refuse a handshake with; `undefined` accepts it. */
  readonly refuse?: () => number | undefined;
  /** A header of the refusal. */
  readonly retryAfter?: string;
  readonly connected?: (socket: WebSocket, index: number) => void;
}

export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const received: string[] = [];
  const sockets: WebSocket[] = [];
  const wss = new WebSocketServer({
    host: "127.0.0.1",
    port: options.port ?? 0,
    autoPong: options.autoPong ?? true,
    perMessageDeflate: options.deflate ?? false,
    verifyClient: (_info, done) => {
      const status = options.refuse?.();
      const { retryAfter } = options;
      const headers = retryAfter === undefined ? {} : { "Retry-After": retryAfter };
      done(status === undefined, status, undefined, headers);
    },
  });
  wss.on("connection", (socket) => {
    socket.on("message", (data: Buffer) => received.push(data.toString()));
    socket.on("error", () => {});
    sockets.push(socket);
    options.connected?.(socket, sockets.length);
  });
  await new Promise((resolve) => wss.once("listening", resolve));
  const { port } = wss.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}/`,
    port,
    wss,
    received,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of wss.clients) socket.terminate();
      await new Promise((resolve) => wss.close(resolve));
    },
  };
}

/** Waits for a condition that events of the network bring about. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}
