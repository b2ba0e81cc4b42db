import { type ChildProcess, fork } from "node:child_process";
import path from "node:path";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { WebSocketManager } from "../../src/websocket/index.js";
import { startServer, until } from "./server.js";

const CLIENTS = 200;

async function startProcess(port = 0): Promise<[ChildProcess, number]> {
  const server = fork(path.join(import.meta.dirname, "../fixtures/websocket-server.mjs"), [String(port)]);
  const [found] = (await new Promise((resolve) => server.once("message", resolve))) as [number];
  return [server, found];
}

test("a fleet comes back over more than half the longest delay after its server was restarted", async () => {
  const maxDelay = 3;
  const [before, port] = await startProcess();
  const first: number[] = [];
  // By the delays of each client, so that a busy machine changes nothing.
  const returns: number[] = [];
  const fleet = Array.from({ length: CLIENTS }, () => {
    const ws = new WebSocketManager(`ws://127.0.0.1:${port}`, {
      WebSocket,
      reconnect: { delay: "50ms", maxDelay, resetAfter: 0 },
    });
    let waited = 0;
    ws.on("reconnecting", ({ attempt, delay }) => {
      if (attempt === 1) first.push(delay);
      waited += delay;
    });
    ws.on("gap", () => returns.push(waited));
    return ws;
  });
  await Promise.all(fleet.map((ws) => ws.connect()));
  before.kill("SIGKILL");
  await until(() => first.length === CLIENTS);
  const [after] = await startProcess(port);
  await until(() => returns.length === CLIENTS);
  await Promise.all(fleet.map((ws) => ws.close()));
  after.kill();
  expect(Math.max(...returns) - Math.min(...returns)).toBeGreaterThan(maxDelay / 2);
  // No tenth of the longest delay gets many more than its share, which is 30.
  const tenth = maxDelay / 10;
  const shares = Array.from(
    { length: 10 },
    (_, index) => first.filter((delay) => Math.floor(delay / tenth) === index).length,
  );
  expect(Math.max(...shares)).toBeLessThan(60);
});

const RESTART = [1001, 1012, 1013] as const;
const OWN = [1000, 1008, 4000] as const;

test.each([...RESTART.map((code) => [code, 40] as const), ...OWN.map((code) => [code, 1] as const)])(
  "after code %i the first delay is drawn up to %i s",
  async (code, cap) => {
    await using server = await startServer();
    const ws = new WebSocketManager(server.url, {
      WebSocket,
      random: () => 0.5,
      reconnect: { resetAfter: 0 },
    });
    const reconnecting = new Promise((resolve) => ws.on("reconnecting", resolve));
    await ws.connect();
    await until(() => server.sockets.length === 1);
    server.sockets[0]?.close(code);
    expect(await reconnecting).toEqual({ attempt: 1, delay: cap / 2 });
    await ws.close();
  },
);

test.each([
  ["120", 120.5],
  [String(1e12), 86_400.5],
  ["soon", 0.5],
  ["-1", 0.5],
])("a refusal with Retry-After: %s is obeyed beyond the delay, up to a day", async (header, delay) => {
  await using server = await startServer({ refuse: () => 503, retryAfter: header });
  const ws = new WebSocketManager(server.url, {
    WebSocket,
    random: () => 0.5,
    shouldReconnect: (info) => info.status === 503 && infos.push(info.retryAfter) > 0,
  });
  const infos: unknown[] = [];
  const reconnecting = new Promise((resolve) => ws.on("reconnecting", resolve));
  const connected = ws.connect().catch(() => {});
  expect(await reconnecting).toEqual({ attempt: 2, delay });
  expect(infos).toEqual([Number(header) > 0 ? Number(header) : undefined]);
  await ws.close();
  await connected;
});
