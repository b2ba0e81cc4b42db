import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import net, { type AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import tls from "node:tls";
import { afterEach, describe, expect, test } from "vitest";
import { GracefulShutdown } from "../../src/shutdown/graceful-shutdown.js";
import type { ShutdownServerOptions } from "../../src/shutdown/registration-options.js";
import { ManualClock } from "../../src/testing/manual-clock.js";

const opened: { destroy(): unknown }[] = [];

afterEach(() => {
  for (const thing of opened.splice(0)) thing.destroy();
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

async function listen(server: net.Server | http2.Http2Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function connect(port: number, text: string): Promise<net.Socket> {
  const socket = net.connect(port, "127.0.0.1");
  socket.on("error", () => {});
  opened.push(socket);
  await once(socket, "connect");
  socket.write(text);
  return socket;
}

function setUp(server: net.Server | http2.Http2Server, options?: ShutdownServerOptions) {
  const clock = new ManualClock();
  const shutdown = new GracefulShutdown({ clock, timeout: 30 });
  shutdown.registerServer("server", server, options);
  return { clock, shutdown };
}

// No certificate is needed with a key that both know.
const psk = Buffer.from("0123456789abcdef");
const keys = { ciphers: "PSK", maxVersion: "TLSv1.2" } as const;
const serverKeys = { ...keys, pskCallback: () => psk };
const clientKeys = {
  ...keys,
  pskCallback: () => ({ psk, identity: "test" }),
  checkServerIdentity: () => undefined,
  host: "127.0.0.1",
};

const REQUEST = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const UPGRADE = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n";
const SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

describe("a client that stalls during the drain", () => {
  test.each(["http", "https"])(
    "is cut off when it stops reading its response over %s, but not while it reads",
    async (kind) => {
      const size = 30_000_000;
      const answer: http.RequestListener = (_request, response) => response.end(Buffer.alloc(size));
      const server = kind === "http" ? http.createServer(answer) : https.createServer(serverKeys, answer);
      const { clock, shutdown } = setUp(server);
      const port = await listen(server);
      const client = async (): Promise<net.Socket> => {
        if (kind === "http") return connect(port, REQUEST);
        const socket = tls.connect({ ...clientKeys, port }).on("error", () => {});
        opened.push(socket);
        await once(socket, "secureConnect");
        socket.write(REQUEST);
        return socket;
      };
      const [stuck, slow] = [await client(), await client()];
      stuck.pause();
      slow.pause();
      while (slow.readableLength === 0) await turn();
      let received = 0;
      const done = shutdown.trigger();
      const closed = once(server, "close");
      for (let passed = 0; passed < 7; passed++) {
        await clock.advance(1);
        // One piece of the response is with the system for the whole time, and moves.
        for (let chunk = 0; chunk < 40; chunk++) {
          const data: Buffer | null = slow.read() as Buffer | null;
          received += data?.length ?? 0;
          await turn();
        }
      }
      slow.on("data", (data: Buffer) => (received += data.length)).resume();
      await until(() => received > size);
      await turn();
      await clock.advance(1);
      await closed;
      expect((await done).results).toMatchObject([{ status: "done", cut: { downloads: 1 } }]);
      expect(received).toBeGreaterThan(size);
    },
  );

  test("is not cut off for a body that the application has not begun to read", async () => {
    const pending: http.ServerResponse[] = [];
    const server = http.createServer((_request, response) => void pending.push(response));
    const { clock, shutdown } = setUp(server);
    const head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n";
    const client = await connect(await listen(server), head);
    while (pending.length === 0) await turn();
    const done = shutdown.trigger();
    await clock.advance(15);
    expect(client.destroyed).toBe(false);
    const [response] = pending;
    response?.req.resume();
    await clock.advance(4);
    expect(client.destroyed).toBe(false);
    client.write("x".repeat(100));
    await once(response?.req ?? client, "end");
    response?.end();
    const { results } = await done;
    expect(results).toMatchObject([{ status: "done" }]);
    expect(results[0]?.cut).toBeUndefined();
  });

  test("is cut off over HTTP/2, too", async () => {
    const server = http2.createServer((request) => void request.resume());
    const { clock, shutdown } = setUp(server);
    const client = http2.connect(`http://127.0.0.1:${await listen(server)}`);
    client.on("error", () => {});
    opened.push(client);
    const request = client.request({ ":method": "POST", ":path": "/" });
    request.on("error", () => {}).write("half");
    await once(server, "request");
    const done = shutdown.trigger();
    const closed = once(client, "close");
    // Frames of the protocol itself at the beginning of the drain count as traffic.
    await clock.advance(12);
    await closed;
    expect((await done).results).toMatchObject([{ status: "done", cut: { uploads: 1 } }]);
  });

  test("is cut off over HTTP/2 when it stops reading its response, even if the session is closing", async () => {
    const server = http2.createServer((_request, response) => void response.end(Buffer.alloc(10_000_000)));
    const { clock, shutdown } = setUp(server);
    const client = http2.connect(`http://127.0.0.1:${await listen(server)}`);
    client.on("error", () => {});
    opened.push(client);
    const request = client.request({ ":path": "/" });
    request.on("error", () => {});
    await once(request, "response");
    const done = shutdown.trigger();
    const closed = once(server, "close");
    await clock.advance(12);
    await closed;
    expect((await done).results).toMatchObject([{ status: "done", cut: { downloads: 1 } }]);
  });

  test("has half of the server's time at most", async () => {
    const server = http.createServer((request) => void request.resume());
    const { clock, shutdown } = setUp(server, { timeout: 2 });
    const head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n";
    const client = await connect(await listen(server), head);
    await once(server, "request");
    const done = shutdown.trigger();
    const closed = once(client, "close");
    await clock.advance(1.2);
    await closed;
    expect((await done).results).toMatchObject([{ status: "done", cut: { uploads: 1 } }]);
  });
});

describe("a WebSocket that only the server knows", () => {
  test("gets a close frame once the handshake is over, and is terminated 2 s later", async () => {
    const server = http.createServer();
    const sockets: Duplex[] = [];
    server.on("upgrade", (_request, socket: Duplex) => {
      sockets.push(socket.on("error", () => {}));
      if (sockets.length === 1) socket.write(SWITCHING);
    });
    const { clock, shutdown } = setUp(server);
    const port = await listen(server);
    const texts = ["", ""];
    const clients: net.Socket[] = [];
    for (const index of texts.keys()) {
      const client = await connect(port, UPGRADE);
      client.on("data", (data: Buffer) => (texts[index] += data.toString("latin1")));
      clients.push(client);
      while (sockets.length <= index) await turn();
    }
    const done = shutdown.trigger();
    await clock.advance(1);
    // The second one gets its answer in the middle of the drain.
    sockets[1]?.write(SWITCHING);
    await clock.advance("500ms");
    while (!texts.every((text) => text.endsWith("\x88\x02\x03\xe9"))) await turn();
    expect(texts).toEqual([`${SWITCHING}\x88\x02\x03\xe9`, `${SWITCHING}\x88\x02\x03\xe9`]);
    const [first, second] = clients;
    const closed = [first, second].map((client) => client && once(client, "close"));
    await clock.advance("700ms");
    await closed[0];
    expect(second?.destroyed).toBe(false);
    await clock.advance(1);
    await Promise.all(closed);
    expect((await done).results).toMatchObject([{ status: "done", cut: { websockets: 2 } }]);
  });

  test("is left alone if the application has already ended it", async () => {
    const errors: unknown[] = [];
    const server = http.createServer();
    server.on("upgrade", (_request, socket: Duplex) => {
      socket.on("error", (error) => errors.push(error));
      socket.end("HTTP/1.1 401 Unauthorized\r\n\r\n");
    });
    const { clock, shutdown } = setUp(server);
    const client = await connect(await listen(server), UPGRADE);
    client.resume();
    await once(server, "upgrade");
    const done = shutdown.trigger();
    await clock.advance(1);
    expect((await done).ok).toBe(true);
    expect(errors).toEqual([]);
  });
});

describe("a server that takes all of its time", () => {
  const endless = async (timeout?: number) => {
    const server = http.createServer((_request, response) => response.write("data: x\n\n"));
    const clock = new ManualClock();
    const shutdown = new GracefulShutdown({ clock, timeout: 30, reserve: 0.4 });
    shutdown.registerServer("http", server, timeout === undefined ? {} : { timeout });
    const client = await connect(await listen(server), "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await once(client, "data");
    client.resume();
    return { clock, shutdown };
  };

  test("leaves the reserve to later callbacks, and the report counts the connections cut off", async () => {
    const { clock, shutdown } = await endless();
    let left = false;
    shutdown.register("database", () => (left = true), { priority: 200 });
    const done = shutdown.trigger();
    await clock.advance(17.9);
    expect(left).toBe(false);
    await clock.advance(0.2);
    const { results } = await done;
    expect(results).toMatchObject([
      { name: "http", status: "timed-out", seconds: 18, cut: { unfinished: 1 } },
      { name: "database", status: "done" },
    ]);
    expect(shutdown.snapshot().results[0]?.cut).toEqual({ unfinished: 1 });
  });

  test("leaves nothing if it is the last, or has its own timeout", async () => {
    const last = await endless();
    const done = last.shutdown.trigger();
    await last.clock.advance(30);
    expect((await done).results).toMatchObject([{ status: "timed-out", seconds: 30 }]);
    const own = await endless(25);
    own.shutdown.register("database", () => {}, { priority: 200 });
    const ended = own.shutdown.trigger();
    await own.clock.advance(25);
    expect((await ended).results).toMatchObject([{ status: "timed-out", seconds: 25 }, { status: "done" }]);
  });
});
