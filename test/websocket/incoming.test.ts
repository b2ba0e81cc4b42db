import { describe, expect, test } from "vitest";
import { FakeSocket, Staged } from "./fake-socket.js";

const START = Date.UTC(2025, 0, 1);
const soon = {
  reconnect: { delay: 2, maxDelay: 2 },
  ping: { interval: 1000, timeout: 1000 },
} as const;

/** As those of the web. */
function withoutPause(socket: FakeSocket): void {
  Object.defineProperty(socket, "pause", { value: undefined });
}

test("what was received is counted, in messages and in bytes or units of text, and when", async () => {
  const staged = new Staged(soon);
  const socket = await staged.connected();
  expect(staged.ws.stats.lastMessageAt).toBeNull();
  await staged.clock.advance(5);
  socket.deliver("hello");
  expect(staged.ws.stats.lastMessageAt).toBe(START + 5000);
  await staged.clock.advance(1);
  socket.deliver(new ArrayBuffer(3));
  expect(staged.ws.stats).toMatchObject({
    messagesReceived: 2,
    bytesReceived: 8,
    doubles: 0,
    lastMessageAt: START + 6000,
  });
  staged.ws[Symbol.dispose]();
});

describe("a message", () => {
  test("is kept for a reader that may come, unless somebody listens; then only once somebody has read", async () => {
    const staged = new Staged(soon);
    const socket = await staged.connected();
    socket.deliver("1");
    expect([staged.ws.snapshot().unread, socket.isPaused]).toEqual([1, false]);
    const heard: unknown[] = [];
    const listener = staged.ws.on("message", (message) => heard.push(message));
    socket.deliver("2");
    expect(staged.ws.snapshot().unread).toBe(1);
    expect(await staged.ws.receive()).toBe("1");
    socket.deliver("3");
    expect(await staged.ws.receive()).toBe("3");
    listener[Symbol.dispose]();
    socket.deliver("4");
    expect(staged.ws.snapshot().unread).toBe(1);
    expect(heard).toEqual([{ data: "2" }, { data: "3" }]);
    expect(heard.every(Object.isFrozen)).toBe(true);
    staged.ws[Symbol.dispose]();
  });

  test("that a listener hears pauses no socket, however many come", async () => {
    const staged = new Staged({ ...soon, queue: { size: 1 } });
    const socket = await staged.connected();
    let count = 0;
    staged.ws.on("message", () => count++);
    for (let sent = 0; sent < 5; sent++) socket.deliver("m");
    expect([count, socket.isPaused, staged.ws.snapshot().unread]).toEqual([5, false, 0]);
    staged.ws[Symbol.dispose]();
  });

  test.each<[string, (data: string) => unknown, number]>([
    ["text", (data) => data, 1],
    ["a number", (data) => data.length, 1],
    ["nothing", () => undefined, 0],
    ["no number", () => Number.NaN, 0],
    ["an object", () => KEY, 0],
    ["a bigint", () => 1n, 0],
  ])("whose key is %s is told once, if that tells messages apart", async (_, key, doubles) => {
    const staged = new Staged({
      ...soon,
      messageKey: (data) => key(data as string) as string,
      proactive: { every: 60, overlap: 1 },
    });
    const heard: unknown[] = [];
    staged.ws.on("message", ({ data }) => heard.push(data));
    const first = await staged.connected();
    await staged.clock.advance(60);
    const [, second] = staged.sockets;
    second?.open();
    first.deliver("same");
    second?.deliver("same");
    expect(heard).toEqual(doubles === 1 ? ["same"] : ["same", "same"]);
    expect(staged.ws.stats).toMatchObject({ messagesReceived: 2, doubles });
    staged.ws[Symbol.dispose]();
  });

  test("that one connection delivers twice is none that another has delivered", async () => {
    const staged = new Staged({ ...soon, messageKey: String });
    const socket = await staged.connected();
    socket.deliver("same");
    socket.deliver("same");
    expect(await staged.ws.receive()).toBe("same");
    expect(await staged.ws.receive()).toBe("same");
    expect(staged.ws.stats.doubles).toBe(0);
    staged.ws[Symbol.dispose]();
  });
});

const KEY = {};

describe("where nothing can be paused", () => {
  test("the oldest are dropped, which is told at once, and then when the reader goes on", async () => {
    const staged = new Staged({ ...soon, queue: { size: 3 } });
    const connected = staged.ws.connect();
    const socket = await staged.socket(0);
    withoutPause(socket);
    socket.open();
    await connected;
    const counts = (): unknown[] => staged.told("dropped").map((told) => (told as { count: number }).count);
    for (let round = 0; round < 2; round++) {
      const before = counts();
      for (let count = 1; count <= 3; count++) socket.deliver(`${count}`);
      expect(counts()).toEqual(before);
      for (let count = 4; count <= 8; count++) socket.deliver(`${count}`);
      expect(counts()).toEqual([...before, 1]);
      expect(staged.ws.stats.droppedReceived).toBe(5 * (round + 1));
      expect(await staged.ws.receive()).toBe("6");
      expect(counts()).toEqual([...before, 1, 4]);
      expect([await staged.ws.receive(), await staged.ws.receive()]).toEqual(["7", "8"]);
    }
    expect(counts()).toEqual([1, 4, 1, 4]);
    const [told] = staged.told("dropped");
    expect(told).toEqual({ direction: "received", count: 1 });
    expect(told).toSatisfy(Object.isFrozen);
    staged.ws[Symbol.dispose]();
  });

  test("or one of two connections of a handover cannot be, what it delivers has its bound", async () => {
    const staged = new Staged({ ...soon, queue: { size: 3 }, proactive: { every: 60, overlap: 1 } });
    const first = await staged.connected();
    await staged.clock.advance(60);
    const second = await staged.socket(1);
    withoutPause(second);
    second.open();
    for (let count = 1; count <= 5; count++) second.deliver(`${count}`);
    expect(first.isPaused).toBe(true);
    expect(staged.ws.snapshot().unread).toBe(3);
    expect(staged.ws.stats.droppedReceived).toBe(2);
    staged.ws[Symbol.dispose]();
  });
});

test("a reader that goes on lets all connections of a handover go on, once half of the queue is read", async () => {
  const staged = new Staged({ ...soon, queue: { size: 4 }, proactive: { every: 60, overlap: 1 } });
  const first = await staged.connected();
  await staged.clock.advance(60);
  const second = await staged.socket(1);
  second.open();
  for (let count = 0; count < 4; count++) second.deliver(`${count}`);
  const isPaused = (): unknown[] => [first.isPaused, second.isPaused];
  expect(isPaused()).toEqual([true, true]);
  await staged.ws.receive();
  expect(isPaused()).toEqual([true, true]);
  await staged.ws.receive();
  expect(isPaused()).toEqual([false, false]);
  expect(staged.ws.stats.droppedReceived).toBe(0);
  staged.ws[Symbol.dispose]();
});

test("a loop fails with why the manager has given up", async () => {
  const staged = new Staged({ ...soon, reconnect: { maxAttempts: 1 } });
  const connected = staged.ws.connect();
  const waiting = staged.ws[Symbol.asyncIterator]().next();
  (await staged.socket(0)).end(1006);
  await expect(connected).rejects.toMatchObject({ code: "ERR_WEBSOCKET_GAVE_UP" });
  await expect(waiting).rejects.toMatchObject({ code: "ERR_WEBSOCKET_GAVE_UP" });
});
