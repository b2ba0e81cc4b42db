/// <reference lib="esnext.disposable" preserve="true" />
import { once } from "node:events";
import http from "node:http";
import net, { type AddressInfo } from "node:net";

/** A server on loopback, ended by disposing. */
export interface Server extends AsyncDisposable {
  readonly url: string;
  /** Requests that have come. */
  readonly requests: readonly http.IncomingMessage[];
  /** Responses that have been begun and have not ended, nor lost their connection. */
  readonly open: number;
}

type Handler = (request: http.IncomingMessage, response: http.ServerResponse, count: number) => unknown;

/** Answers requests, of which `count` tells how many there have been, as `handler` does. */
export async function serve(handler: Handler): Promise<Server> {
  const requests: http.IncomingMessage[] = [];
  let open = 0;
  const server = http.createServer((request, response) => {
    requests.push(request);
    open++;
    response.once("close", () => open--);
    handler(request, response, requests.length);
  });
  server.keepAliveTimeout = 200;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    get open() {
      return open;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** A server that deals with bare connections. */
export async function serveBare(
  handler: (socket: net.Socket, count: number) => void,
): Promise<AsyncDisposable & { readonly url: string; readonly connections: number }> {
  let connections = 0;
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
    handler(socket, ++connections);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** Resolves when it holds: what the other side of a connection sees takes its time. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

export async function bodyOf(request: http.IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
}
