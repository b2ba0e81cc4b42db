import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { WebSocketManager, type WebSocketManagerEvents } from "../../src/websocket/index.js";
import { startServer, until } from "./server.js";

const fast = { reconnect: { delay: "5ms", maxDelay: "20ms" } } as const;

function heard<Name extends keyof WebSocketManagerEvents>(
  ws: WebSocketManager,
  name: Name,
): WebSocketManagerEvents[Name][] {
  const payloads: WebSocketManagerEvents[Name][] = [];
  ws.on(name, (payload) => payloads.push(payload));
  return payloads;
}

describe("a connection", () => {
  test("delivers what the server sends, in order, text and bytes, until close() ends the loop", async () => {
    await using server = await startServer({
      connected(socket) {
        socket.send("one");
        socket.send(Buffer.from([1, 2]));
        socket.send("three");
      },
    });
    const ws = new WebSocketManager(server.url, { WebSocket });
    await ws.connect();
    expect(ws.state).toBe("connected");
    const got: unknown[] = [];
    for await (const data of ws) {
      got.push(typeof data === "string" ? data : [...new Uint8Array(data)]);
      if (got.length === 3) void ws.close();
    }
    expect(got).toEqual(["one", [1, 2], "three"]);
    expect(ws.state).toBe("closed");
    expect(ws.isDead).toBe(true);
    await until(() => server.wss.clients.size === 0);
  });

  test.each([
    ["a normal close", (socket: { close(code: number): void }) => socket.close(1000), "server-closed", 1000],
    ["going away", (socket: { close(code: number): void }) => socket.close(1001), "server-closed", 1001],
    ["a policy close", (socket: { close(code: number): void }) => socket.close(1008), "server-closed", 1008],
    ["a broken line", (socket: { terminate(): void }) => socket.terminate(), "network-error", 1006],
  ])("is made again after %s, subscribed before what was queued", async (_, end, reason, code) => {
    await using server = await startServer();
    const ws = new WebSocketManager(server.url, { ...fast, WebSocket });
    const disconnects = heard(ws, "disconnect");
    const gaps = heard(ws, "gap");
    ws.subscribe("subscribe a");
    ws.subscribe(() => "subscribe b", { key: "b" });
    await ws.connect();
    const [first] = server.sockets;
    await until(() => server.received.length === 2);
    if (first !== undefined) end(first);
    await until(() => ws.state === "reconnecting");
    const sent = ws.send("queued");
    await ws.waitConnected();
    await sent;
    await until(() => server.received.length === 5);
    expect(server.received.slice(2)).toEqual(["subscribe a", "subscribe b", "queued"]);
    expect(disconnects).toEqual([{ reason, code, text: "", wasProactive: false }]);
    expect(gaps).toHaveLength(1);
    expect(ws.isDead).toBe(false);
    await ws.close();
  });

  test("that is refused with 401 tells the status, and shouldReconnect stops it", async () => {
    await using server = await startServer({ refuse: () => 401 });
    const statuses: unknown[] = [];
    const ws = new WebSocketManager(server.url, {
      WebSocket,
      ...fast,
      shouldReconnect({ status, attempt }) {
        statuses.push(status);
        return attempt < 3;
      },
    });
    const errors = heard(ws, "error");
    await expect(ws.connect()).rejects.toMatchObject({ code: "ERR_WEBSOCKET_GAVE_UP" });
    expect(statuses).toEqual([401, 401]);
    expect(errors).toHaveLength(2);
    expect(errors[0]).toMatchObject({ code: "ERR_WEBSOCKET_CONNECT", status: 401 });
    expect(ws.isDead).toBe(true);
    await expect(ws.receive()).rejects.toMatchObject({ code: "ERR_WEBSOCKET_GAVE_UP" });
    await expect(ws.send("x")).rejects.toMatchObject({ code: "ERR_WEBSOCKET_GAVE_UP" });
    await ws.close();
  });

  test("that is requested to end stays away until connect(), or comes back by itself", async () => {
    await using server = await startServer();
    const ws = new WebSocketManager(server.url, { ...fast, WebSocket });
    const disconnects = heard(ws, "disconnect");
    await ws.connect();
    ws.requestDisconnect({ reason: "maintenance" });
    expect(ws.state).toBe("disconnected");
    expect(ws.isDead).toBe(false);
    await expect(ws.send("x")).rejects.toMatchObject({ code: "ERR_WEBSOCKET_DISCONNECTED" });
    await ws.connect();
    ws.requestDisconnect({ reconnectAfter: 0 });
    await ws.waitConnected();
    await until(() => disconnects.length === 2);
    expect(disconnects).toEqual([
      { reason: "requested", code: 1000, text: "maintenance", wasProactive: true },
      { reason: "requested", code: 1000, text: "", wasProactive: true },
    ]);
    await ws.close();
    await expect(ws.connect()).rejects.toMatchObject({ code: "ERR_WEBSOCKET_CLOSED" });
  });
});
