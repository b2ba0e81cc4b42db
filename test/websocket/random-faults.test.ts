import { expect, test } from "vitest";
import { WebSocketManager } from "../../src/websocket/index.js";
import { startServer, until } from "./server.js";

const RECONNECTS = Number(process.env["WEBSOCKET_RECONNECTS"] ?? 200);

test("under random faults each message that was acknowledged is read once, and gaps are told", async () => {
  let next = 0;
  const acknowledged = new Set<number>();
  const unacknowledged = new Set<number>();
  let refuse = false;
  await using server = await startServer({
    refuse: () => (refuse && Math.random() < 0.3 ? 503 : undefined),
    connected(socket) {
      socket.on("message", (data: Buffer) => {
        const number = Number(data.toString());
        unacknowledged.delete(number);
        acknowledged.add(number);
      });
      for (const number of unacknowledged) socket.send(String(number));
      const more = Math.floor(Math.random() * 10);
      for (let index = 0; index < more; index++) {
        unacknowledged.add(++next);
        socket.send(String(next));
      }
      const draw = Math.random();
      setTimeout(() => {
        if (draw < 0.3) socket.terminate();
        else if (draw < 0.6) socket.close(1000 + Math.floor(Math.random() * 2));
        else if (draw < 0.8)
          (socket as unknown as { _socket: { write(data: Buffer): void } })._socket.write(
            Buffer.from([0x7f, 0]),
          );
        else socket.pause();
      }, Math.random() * 5);
    },
  });
  refuse = true;
  const ws = new WebSocketManager(server.url, {
    reconnect: { delay: "1ms", maxDelay: "2ms" },
    ping: { interval: "10ms", timeout: "10ms" },
    messageKey: Number,
  });
  let gaps = 0;
  const read: number[] = [];
  ws.on("gap", ({ seconds, from, to }) => {
    expect(seconds).toBeGreaterThanOrEqual(0);
    expect(to).toBeGreaterThanOrEqual(from);
    gaps++;
  });
  await ws.connect();
  const reading = (async () => {
    for await (const data of ws) {
      read.push(Number(data));
      void ws.send(data).catch(() => {});
    }
  })();
  await until(() => ws.stats.connects > RECONNECTS);
  await ws.close();
  await reading;
  expect(gaps).toBeGreaterThanOrEqual(RECONNECTS);
  expect(new Set(read).size).toBe(read.length);
  const readOnce = new Set(read);
  expect([...acknowledged].filter((number) => !readOnce.has(number))).toEqual([]);
  expect(acknowledged.size).toBeGreaterThan(0);
  for (const socket of server.wss.clients) socket.terminate();
  await until(() => server.wss.clients.size === 0);
});

test("a fleet does not come back in one burst", async () => {
  // Drawn as the manager draws: after a server that was away for two minutes.
  await using server = await startServer({ refuse: () => 503 });
  const delays = new Map<WebSocketManager, number>();
  const fleet = Array.from(
    { length: 200 },
    () =>
      new WebSocketManager(server.url, {
        reconnect: { delay: "20ms", maxDelay: "100ms", maxAttempts: 6 },
      }),
  );
  await Promise.all(
    fleet.map((ws) => {
      ws.on("reconnecting", ({ delay }) => delays.set(ws, delay));
      return ws.connect().catch(() => {});
    }),
  );
  const last = [...delays.values()].toSorted((a, b) => a - b);
  expect(last).toHaveLength(200);
  expect((last.at(-1) ?? 0) - (last[0] ?? 0)).toBeGreaterThan(0.05);
});
