import { expect, test } from "vitest";
import { WebSocketManager } from "../../src/websocket/index.js";
import { startServer, until } from "./server.js";

/** Numbers to every connection that has subscribed, about 1,000 a second. */
function feed(subscribed: ReadonlySet<{ send(text: string): void }>): { sent: number; stop(): void } {
  const began = performance.now();
  const state = { sent: 0, stop: () => clearInterval(timer) };
  const timer = setInterval(() => {
    while (subscribed.size > 0 && state.sent < performance.now() - began) {
      state.sent++;
      for (const socket of subscribed) socket.send(String(state.sent));
    }
  }, 1);
  return state;
}

test("a planned handover under 1,000 messages a second loses and doubles none", async () => {
  const subscribed = new Set<{ send(text: string): void }>();
  await using server = await startServer({
    connected(socket) {
      socket.on("message", () => subscribed.add(socket));
      socket.on("close", () => subscribed.delete(socket));
    },
  });
  const ws = new WebSocketManager(server.url, {
    proactive: { every: "100ms", handover: true, overlap: "20ms" },
    messageKey: (data) => Number(data),
  });
  const states = new Set<string>();
  const reasons = new Set<string>();
  const gaps: unknown[] = [];
  ws.on("disconnect", ({ reason }) => {
    reasons.add(reason);
    states.add(ws.state);
  });
  ws.on("gap", (gap) => gaps.push(gap));
  ws.subscribe("ticks");
  await ws.connect();
  await until(() => subscribed.size > 0);
  const got: number[] = [];
  const reading = (async () => {
    for await (const data of ws) got.push(Number(data));
  })();
  const source = feed(subscribed);
  await until(() => ws.stats.proactiveDisconnects >= 5);
  source.stop();
  await until(() => got.length >= source.sent);
  await ws.close();
  await reading;
  expect(got.toSorted((a, b) => a - b)).toEqual(Array.from({ length: source.sent }, (_, index) => index + 1));
  expect(ws.stats.doubles).toBeGreaterThan(0);
  expect([...reasons]).toEqual(["scheduled", "closed"]);
  expect(states.has("reconnecting")).toBe(false);
  expect(gaps).toEqual([]);
});

test("a handover whose new connection is refused keeps the old one, and tries again", async () => {
  let handshakes = 0;
  await using server = await startServer({
    refuse: () => (++handshakes > 1 && handshakes < 4 ? 503 : undefined),
  });
  const ws = new WebSocketManager(server.url, {
    proactive: { every: "10ms", overlap: 0 },
    reconnect: { delay: "2ms", maxDelay: "2ms" },
    connection: { timeout: "50ms" },
  });
  const states = new Set<string>();
  ws.on("error", () => states.add(ws.state));
  await ws.connect();
  await until(() => ws.stats.proactiveDisconnects > 0);
  expect([...states]).toEqual(["connected"]);
  await ws.close();
  await until(() => server.wss.clients.size === 0);
});

test("a trigger without handover closes first, and tells the gap", async () => {
  await using server = await startServer();
  const boundaries = [Date.now() + 20, NaN];
  const ws = new WebSocketManager(server.url, {
    proactive: { trigger: { nextBoundary: () => boundaries.shift() ?? NaN }, handover: false },
  });
  const gaps: number[] = [];
  ws.on("gap", ({ seconds }) => gaps.push(seconds));
  await ws.connect();
  await until(() => gaps.length === 1);
  expect(ws.stats).toMatchObject({ connects: 2, proactiveDisconnects: 1, reactiveDisconnects: 0 });
  await ws.close();
});
