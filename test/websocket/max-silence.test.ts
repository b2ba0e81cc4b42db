import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { WebSocketManager } from "../../src/websocket/index.js";
import { startServer } from "./server.js";

test("a server that answers pings and sends nothing is found by maxSilence", async () => {
  await using server = await startServer();
  const ws = new WebSocketManager(server.url, {
    WebSocket,
    ping: { interval: "30ms", timeout: "10s", maxSilence: "150ms" },
  });
  const ended = new Promise((resolve) => ws.on("disconnect", resolve));
  await ws.connect();
  expect(await ended).toMatchObject({ reason: "ping-timeout" });
  await ws.close();
});
