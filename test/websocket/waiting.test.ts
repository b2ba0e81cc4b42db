import { describe, expect, test, vi } from "vitest";
import { FakeSocket, Staged } from "./fake-socket.js";

const soon = {
  reconnect: { delay: 2, maxDelay: 2 },
  ping: { interval: 1000, timeout: 1000 },
} as const;

describe("a slow reader", () => {
  test("holds a new connection back that was made by a handover meanwhile", async () => {
    const staged = new Staged({ ...soon, queue: { size: 10 }, proactive: { every: 60, overlap: 1 } });
    const first = await staged.connected();
    await staged.clock.advance(60);
    const [, second] = staged.sockets;
    for (let count = 0; count < 10; count++) first.deliver("x");
    second?.open();
    for (let count = 0; count < 1000; count++)
      if (second !== undefined && !second.isPaused) second.deliver("y");
    expect(staged.ws.snapshot().unread).toBeLessThanOrEqual(11);
    expect(staged.ws.stats.droppedReceived).toBe(0);
    staged.ws[Symbol.dispose]();
  });

  test("loses nothing of the old connection of a handover, however late it reads", async () => {
    const staged = new Staged({ ...soon, queue: { size: 10 }, proactive: { every: 60, overlap: 1 } });
    const first = await staged.connected();
    for (let count = 0; count < 10; count++) first.deliver("x");
    await staged.clock.advance(60);
    staged.sockets[1]?.open();
    await staged.clock.advance(31);
    // It is being closed; what it has not read comes before the answer of the server.
    expect(first.closes).toEqual([1000]);
    first.deliver("y");
    expect(first.isPaused).toBe(true);
    await staged.clock.advance(60);
    expect(first.isTerminated).toBe(false);
    for (let count = 0; count < 11; count++) await staged.ws.receive();
    expect(first.isPaused).toBe(false);
    await staged.clock.advance(6);
    expect(first.isTerminated).toBe(true);
    staged.ws[Symbol.dispose]();
  });

  test("does not delay close() beyond its timeout", async () => {
    const staged = new Staged({ ...soon, queue: { size: 1 } });
    const socket = await staged.connected();
    const closed = staged.ws.close({ timeout: 2 });
    socket.deliver("x");
    expect(socket.isPaused).toBe(true);
    await staged.clock.advance(2);
    await closed;
    expect(await staged.ws.receive()).toBe("x");
  });
});

describe("what is sent", () => {
  test("is rejected when the socket cannot take it, and ends no connection", async () => {
    const staged = new Staged(soon);
    const connected = staged.ws.connect();
    const bytes = new ArrayBuffer(8);
    const outcome = Promise.allSettled([staged.ws.send("1"), staged.ws.send(bytes), staged.ws.send("3")]);
    structuredClone(bytes, { transfer: [bytes] });
    const socket = await staged.socket(0);
    socket.open();
    await connected;
    expect((await outcome).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(socket.sent).toEqual(["1", "3"]);
    expect(staged.ws.state).toBe("connected");
    expect(staged.ws.snapshot().unsent).toBe(0);
    staged.ws[Symbol.dispose]();
  });

  test("waits in order while the buffer of the socket is full, without a bound on what is in it", async () => {
    const staged = new Staged({ ...soon, queue: { bytes: 100 } });
    const socket = await staged.connected();
    socket.bufferedAmount = 100;
    const sends = [staged.ws.send("1"), staged.ws.send(new Uint8Array([2])), staged.ws.send("3")];
    await staged.clock.advance(1);
    expect(socket.sent).toEqual([]);
    socket.bufferedAmount = 99;
    await staged.clock.advance(1);
    await Promise.all(sends);
    expect(socket.sent).toEqual(["1", new Uint8Array([2]), "3"]);
    staged.ws[Symbol.dispose]();
  });
});

describe("a ping", () => {
  test("is that of the protocol where the socket has one", async () => {
    const staged = new Staged({ ping: { interval: 10, timeout: 5, message: "ping" } });
    const socket = await staged.connected();
    await staged.clock.advance(10);
    expect([socket.pings, socket.sent]).toEqual([1, []]);
    staged.ws[Symbol.dispose]();
  });

  test("that cannot be sent ends the connection", async () => {
    class Broken extends FakeSocket {
      override ping(): void {
        throw new Error("no ping");
      }
    }
    const made: Broken[] = [];
    class Kept extends Broken {
      constructor() {
        super();
        made.push(this);
      }
    }
    const staged = new Staged({ WebSocket: Kept });
    const connected = staged.ws.connect();
    await staged.clock.advance(0);
    made[0]?.open();
    await connected;
    await staged.clock.advance(20);
    expect(staged.told("disconnect")).toMatchObject([{ reason: "network-error" }]);
    staged.ws[Symbol.dispose]();
  });

  test("that there is none of is warned of once, not at each connection", async () => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    class NoPing extends FakeSocket {}
    Object.defineProperty(NoPing.prototype, "ping", { value: undefined });
    const made: NoPing[] = [];
    class Kept extends NoPing {
      constructor() {
        super();
        made.push(this);
      }
    }
    const staged = new Staged({ ...soon, WebSocket: Kept });
    const connected = staged.ws.connect();
    for (let index = 0; index < 3; index++) {
      await staged.clock.advance(2);
      made[index]?.open();
      await connected;
      made[index]?.end(1000);
    }
    expect(warn.mock.calls.map(([, options]) => options)).toMatchObject([
      { code: "KSTLIB_WEBSOCKET_NO_PING" },
    ]);
    staged.ws[Symbol.dispose]();
    warn.mockRestore();
  });
});

describe("a callback that answers with a promise", () => {
  test("is warned of, and its rejection ends nothing", async () => {
    const warnings: Error[] = [];
    const listen = (warning: Error): unknown => warnings.push(warning);
    const rejections: unknown[] = [];
    const reject = (reason: unknown): unknown => rejections.push(reason);
    process.on("warning", listen);
    process.on("unhandledRejection", reject);
    const later = (): never => Promise.reject(new Error("too late")) as never;
    const staged = new Staged({ ...soon, messageKey: later, shouldReconnect: later });
    staged.ws.subscribe(later, { key: "k" });
    const socket = await staged.connected();
    socket.deliver("m");
    expect(await staged.ws.receive()).toBe("m");
    socket.end(1000);
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", listen);
    process.off("unhandledRejection", reject);
    expect(rejections).toEqual([]);
    expect(warnings.map(({ message }) => message.split(" of ")[0])).toEqual([
      expect.stringContaining("subscription") as string,
      "messageKey",
      "shouldReconnect",
    ]);
    expect(staged.told("reconnecting")).toHaveLength(1);
    staged.ws[Symbol.dispose]();
  });
});

test("a message whose key is not a number is no double", async () => {
  const staged = new Staged({ ...soon, messageKey: Number });
  const socket = await staged.connected();
  socket.deliver("hello");
  socket.end(1000);
  await staged.clock.advance(2);
  staged.sockets[1]?.open();
  staged.sockets[1]?.deliver("welcome back");
  expect(staged.ws.stats).toMatchObject({ messagesReceived: 2, doubles: 0 });
  staged.ws[Symbol.dispose]();
});

test("loops that end early, also while they wait, lose no message", async () => {
  const staged = new Staged(soon);
  const socket = await staged.connected();
  const iterator = staged.ws[Symbol.asyncIterator]();
  const waiting = iterator.next();
  await iterator.return?.();
  expect(await waiting).toEqual({ done: true, value: undefined });
  for (const text of ["1", "2", "3"]) socket.deliver(text);
  for await (const data of staged.ws) {
    expect(data).toBe("1");
    break;
  }
  await expect(
    (async () => {
      for await (const data of staged.ws) if (data === "2") throw new Error("at 2");
    })(),
  ).rejects.toThrow("at 2");
  expect(await staged.ws.receive()).toBe("3");
  staged.ws[Symbol.dispose]();
});
