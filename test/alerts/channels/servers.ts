import http from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import type { Delivery } from "../../../src/alerts/index.js";

/** A request that a server has got. */
export interface Got {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

type Answer = (response: http.ServerResponse, got: Got) => void;

/** What tells when it is closed: an answer, or a socket. */
interface Closing {
  on(event: "close", listener: () => void): unknown;
}

/** A server on loopback. */
export class Loopback {
  readonly got: Got[] = [];
  readonly #answers = new Set<Closing>();
  readonly #sockets = new Set<Closing>();
  readonly #server: http.Server;

  constructor(answer: Answer) {
    this.#server = http.createServer((request, response) => {
      this.#answers.add(response);
      response.on("close", () => this.#answers.delete(response));
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const { method, url, headers } = request;
        const all = { method, url, headers, body: Buffer.concat(chunks).toString() };
        this.got.push(all);
        answer(response, all);
      });
    });
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  /** Closes it; it does not end while a request is left. */
  async close(): Promise<void> {
    // An answer that nobody reads or gives up never ends.
    const closed = (each: Closing): Promise<unknown> =>
      new Promise<void>((resolve) => {
        each.on("close", resolve);
      });
    await Promise.all([...this.#answers].map(closed));
    this.#server.close();
    // Node's fetch connects once more after an abort, and keeps the connection for its next request.
    this.#server.closeAllConnections();
    await Promise.all([...this.#sockets].map(closed));
  }
}

/** Starts a server; the test fails if it leaves a request behind. */
export async function serve(answer: Answer = (response) => response.end("ok")): Promise<Loopback> {
  const server = new Loopback(answer);
  await server.listen();
  onTestFinished(() => server.close());
  return server;
}

/** A signal that is never aborted. */
export const never: { readonly signal: AbortSignal } = { signal: new AbortController().signal };

/** An alert as a channel gets it. */
export function delivery(changes: Partial<Delivery> = {}): Delivery {
  return {
    title: "disk almost full",
    body: "/var: 97 %",
    level: "warning",
    key: "disk",
    timestamp: new Date("2026-09-01T12:00:00Z"),
    isRecovery: false,
    count: 1,
    id: "a-1",
    ...changes,
  };
}

/** What a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it was delivered");
}
