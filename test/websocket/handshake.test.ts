import { once } from "node:events";
import { createServer } from "node:tls";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { WebSocketManager } from "../../src/websocket/index.js";
import { CERTIFICATE, KEY } from "./certificate.js";
import { startServer, until } from "./server.js";

const fast = { delay: "1ms", maxDelay: "1ms" } as const;

describe("a handshake", () => {
  test.each([301, 302, 400, 401, 403, 429, 500, 503])("that is answered with %i tells it", async (status) => {
    await using server = await startServer({ refuse: () => status });
    const infos: unknown[] = [];
    const ws = new WebSocketManager(server.url, {
      WebSocket,
      reconnect: fast,
      shouldReconnect: (info) => infos.push(info.status) < 2,
    });
    const told = await ws.connect().catch((error: unknown) => error);
    expect(told).toMatchObject({ code: "ERR_WEBSOCKET_GAVE_UP", cause: { status } });
    expect(infos).toEqual([status, status]);
    await ws.close();
  });

  test.each(["nowhere?key=secret", "wss://u:secret@h:99999/", "ws://127.0.0.1/secret#part", ""])(
    "with the URL %j, given by a function, tells an error without it",
    async (url) => {
      const ws = new WebSocketManager(() => url, { reconnect: { ...fast, maxAttempts: 1 } });
      const told: unknown = await ws.connect().catch((error: unknown) => error);
      expect(told).toMatchObject({
        code: "ERR_WEBSOCKET_GAVE_UP",
        message: expect.stringContaining("url") as string,
      });
      let text = "";
      for (let error = told; error instanceof Error; error = error.cause) text += error.stack;
      expect(text).not.toContain("secret");
      await ws.close();
    },
  );

  test("offers protocols and sends headers", async () => {
    const seen: unknown[] = [];
    await using server = await startServer({ connected: (socket) => seen.push(socket.protocol) });
    server.wss.on("headers", (_headers, { headers }) => seen.push(headers["x-key"]));
    const ws = new WebSocketManager(server.url, {
      WebSocket,
      protocols: ["v2", "v1"],
      headers: { "X-Key": "k" },
    });
    await ws.connect();
    await until(() => seen.length === 2);
    expect(seen).toEqual(["k", "v2"]);
    await ws.close();
  });

  test("by TLS with a certificate that nobody knows is told, and tried again", async () => {
    const server = createServer({ cert: CERTIFICATE, key: KEY }, (socket) => socket.destroy());
    server.on("tlsClientError", () => {});
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const errors: unknown[] = [];
    const ws = new WebSocketManager(`wss://127.0.0.1:${port}`, {
      WebSocket,
      reconnect: { ...fast, maxAttempts: 2 },
    });
    ws.on("error", (error) => errors.push(error.cause));
    await expect(ws.connect()).rejects.toMatchObject({ code: "ERR_WEBSOCKET_GAVE_UP" });
    expect(errors).toMatchObject([
      { code: "DEPTH_ZERO_SELF_SIGNED_CERT" },
      { code: "DEPTH_ZERO_SELF_SIGNED_CERT" },
    ]);
    await ws.close();
    await new Promise((resolve) => server.close(resolve));
  });
});

describe("close codes", () => {
  // 1004 to 1006 and 1015 must not be sent; the others that `ws` sends.
  test.each([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999])(
    "%i of the server is told with its text, and the connection made again",
    async (code) => {
      await using server = await startServer();
      const ws = new WebSocketManager(server.url, { WebSocket, reconnect: fast });
      const ended = new Promise((resolve) => ws.on("disconnect", resolve));
      await ws.connect();
      await until(() => server.sockets.length === 1);
      server.sockets[0]?.close(code, "x".repeat(123));
      expect(await ended).toEqual({
        reason: "server-closed",
        code,
        text: "x".repeat(123),
        wasProactive: false,
      });
      await ws.waitConnected();
      await ws.close();
    },
  );

  test("without one, it is 1005", async () => {
    await using server = await startServer();
    const ws = new WebSocketManager(server.url, { WebSocket, reconnect: fast });
    const ended = new Promise((resolve) => ws.on("disconnect", resolve));
    await ws.connect();
    await until(() => server.sockets.length === 1);
    server.sockets[0]?.close();
    expect(await ended).toMatchObject({ reason: "server-closed", code: 1005 });
    await ws.close();
  });

  test.each([999, 1001, 1006, 2999, 5000, 1000.5, Number.NaN])("close() refuses %d", async (code) => {
    const ws = new WebSocketManager("ws://127.0.0.1:9");
    await expect(ws.close({ code })).rejects.toThrow("code");
    expect(ws.state).toBe("disconnected");
  });
});

test("a garbage frame of a server that does not answer the close frame costs no time", async () => {
  await using server = await startServer();
  const ws = new WebSocketManager(server.url, { WebSocket, reconnect: fast });
  const ended = new Promise((resolve) => ws.on("disconnect", resolve));
  await ws.connect();
  await until(() => server.sockets.length === 1);
  const [socket] = server.sockets;
  socket?.pause();
  const { _socket: raw } = socket as unknown as { _socket: { write(data: Buffer): void } };
  raw.write(Buffer.from([0x7f, 0xff, 0x00, 0x13]));
  expect(await ended).toMatchObject({ reason: "network-error", code: 1006 });
  ws[Symbol.dispose]();
});

test("compressed messages are read, also those that are much larger than what arrives", async () => {
  const text = "z".repeat(5_000_000);
  await using server = await startServer({ deflate: true, connected: (socket) => socket.send(text) });
  const ws = new WebSocketManager(server.url, { WebSocket, ping: { interval: "5ms", timeout: "5s" } });
  await ws.connect();
  expect(await ws.receive()).toBe(text);
  expect(server.sockets[0]?.extensions).toBe("permessage-deflate");
  expect(ws.stats.disconnects).toBe(0);
  await ws.close();
});
