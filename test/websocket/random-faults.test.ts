import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { type Clock, realClock, type Timer } from "../../src/kernel/clock.js";
import { WebSocketManager } from "../../src/websocket/index.js";
import { startServer, until } from "./server.js";

const RECONNECTS = Number(process.env["WEBSOCKET_RECONNECTS"] ?? 200);

/** The real clock, which knows its timers that have neither fired nor been cancelled. */
class CountingClock implements Clock {
  readonly pending = new Set<Timer>();
  now = (): number => realClock.now();
  wallNow = (): number => realClock.wallNow();
  sleepSync = (delay: number): void => realClock.sleepSync(delay);

  setTimer(...[callback, delay, options]: Parameters<Clock["setTimer"]>): Timer {
    const fire = (): void => {
      this.pending.delete(timer);
      callback();
    };
    const real = realClock.setTimer(fire, delay, options);
    const timer = {
      cancel: () => {
        this.pending.delete(timer);
        real.cancel();
      },
    };
    this.pending.add(timer);
    return timer;
  }
}

const sockets: WebSocket[] = [];
class Remembered extends WebSocket {
  constructor(...args: ConstructorParameters<typeof WebSocket>) {
    super(...args);
    sockets.push(this);
  }
}

const tcpSockets = (): number =>
  process.getActiveResourcesInfo().filter((name) => /^(?:TCP|Pipe|TTY).*Wrap$|Connect/.test(name)).length;

test("under random faults each message that was acknowledged is read once, and gaps are told", async () => {
  const before = tcpSockets();
  const clock = new CountingClock();
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
    WebSocket: Remembered,
    clock,
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
  // Of sockets, listeners and timers none is left; an error of a socket that has ended concerns nobody, but is caught.
  expect(clock.pending.size).toBe(0);
  await until(() => sockets.every(({ readyState }) => readyState === WebSocket.CLOSED));
  expect(sockets.length).toBeGreaterThan(RECONNECTS);
  const left = sockets.flatMap((socket) =>
    socket.eventNames().map((event) => `${String(event)} ${socket.listenerCount(event)}`),
  );
  expect(new Set(left)).toEqual(new Set(["error 1"]));
  for (const socket of server.wss.clients) socket.terminate();
  await server[Symbol.asyncDispose]();
  await until(() => tcpSockets() <= before);
});
