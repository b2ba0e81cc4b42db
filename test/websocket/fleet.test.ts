import { type ChildProcess, fork } from "node:child_process";
import path from "node:path";
import { expect, test } from "vitest";
import { WebSocketManager } from "../../src/websocket/index.js";
import { startServer, until } from "./server.js";

const CLIENTS = 200;

async function startProcess(port = 0): Promise<[ChildProcess, number]> {
  const server = fork(path.join(import.meta.dirname, "server-program.mjs"), [String(port)]);
  const [found] = (await new Promise((resolve) => server.once("message", resolve))) as [number];
  return [server, found];
}

test("a fleet comes back over more than half the longest delay after its server was restarted", async () => {
  const maxDelay = 3;
  const [first, port] = await startProcess();
  const returns: number[] = [];
  const delays: number[] = [];
  const fleet = Array.from({ length: CLIENTS }, () => {
    const ws = new WebSocketManager(`ws://127.0.0.1:${port}`, {
      reconnect: { delay: "50ms", maxDelay, resetAfter: 0 },
    });
    ws.on("reconnecting", ({ attempt, delay }) => attempt === 1 && delays.push(delay));
    ws.on("gap", () => returns.push(performance.now() / 1000));
    return ws;
  });
  await Promise.all(fleet.map((ws) => ws.connect()));
  first.kill("SIGKILL");
  await until(() => delays.length === CLIENTS);
  const [second] = await startProcess(port);
  await until(() => returns.length === CLIENTS);
  returns.sort((a, b) => a - b);
  expect((returns.at(-1) ?? 0) - (returns[0] ?? 0)).toBeGreaterThan(maxDelay / 2);
  // No tenth of the longest delay gets many more than its share, which is 30.
  const tenth = maxDelay / 10;
  const shares = Array.from(
    { length: 10 },
    (_, index) => delays.filter((delay) => Math.floor(delay / tenth) === index).length,
  );
  expect(Math.max(...shares)).toBeLessThan(60);
  await Promise.all(fleet.map((ws) => ws.close()));
  second.kill();
});

const RESTART = [1001, 1012, 1013] as const;
const OWN = [1000, 1008, 4000] as const;

test.each([...RESTART.map((code) => [code, 40] as const), ...OWN.map((code) => [code, 1] as const)])(
  "after code %i the first delay is drawn up to %i s",
  async (code, cap) => {
    await using server = await startServer();
    const ws = new WebSocketManager(server.url, { random: () => 0.5, reconnect: { resetAfter: 0 } });
    const reconnecting = new Promise((resolve) => ws.on("reconnecting", resolve));
    await ws.connect();
    await until(() => server.sockets.length === 1);
    server.sockets[0]?.close(code);
    expect(await reconnecting).toEqual({ attempt: 1, delay: cap / 2 });
    await ws.close();
  },
);

test.each([
  ["120", 121],
  [String(1e12), 86_401],
  ["soon", 1],
  ["-1", 1],
])("a refusal with Retry-After: %s is obeyed beyond the delay, up to a day", async (header, delay) => {
  await using server = await startServer({ refuse: () => 503, retryAfter: header });
  const ws = new WebSocketManager(server.url, {
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
