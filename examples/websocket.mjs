// A stream that stays alive: a server that breaks the line, and a planned handover without a gap.
// Run it with `node examples/websocket.mjs`; the server is in this program and needs `ws`.
import { WebSocketManager } from "@kstlib/resilience/websocket";
import { WebSocketServer } from "ws";

let tick = 0;
const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
await new Promise((resolve) => server.once("listening", resolve));
server.on("connection", (socket) => {
  socket.on("message", () => console.log("server: a subscription"));
});
const feed = setInterval(() => {
  tick += 1;
  for (const socket of server.clients) socket.send(JSON.stringify({ tick }));
  // The server restarts once, and is not polite about it.
  if (tick === 20) for (const socket of server.clients) socket.terminate();
}, 10);

const ws = new WebSocketManager(() => `ws://127.0.0.1:${server.address().port}`, {
  name: "ticks",
  WebSocket: globalThis.WebSocket ?? (await import("ws")).WebSocket,
  ping: { interval: 5, timeout: 3, maxSilence: 8 },
  reconnect: { delay: "50ms", maxDelay: "150ms" },
  proactive: { every: "300ms", handover: true, overlap: "50ms" },
  messageKey: (data) => JSON.parse(data).tick,
});
ws.on("connect", ({ isHandover }) => console.log(isHandover ? "handed over" : "connected"));
ws.on("disconnect", ({ reason, code }) => console.log(`disconnected: ${reason}, code ${code}`));
ws.on("gap", ({ seconds }) => console.log(`gap of ${seconds.toFixed(1)} s: ask the REST interface for it`));

ws.subscribe("subscribe BTC");
await ws.connect();
let last = 0;
for await (const data of ws) {
  last = JSON.parse(data).tick;
  if (ws.stats.proactiveDisconnects > 0) break;
}
await ws.close();
clearInterval(feed);
server.close();
const { connects, doubles, droppedReceived } = ws.stats;
console.log(
  `read up to tick ${last}: ${connects} connections, doubles ${doubles > 0 ? "removed" : "none"}, dropped ${droppedReceived}`,
);
if (connects < 3 || droppedReceived > 0) process.exitCode = 1;
