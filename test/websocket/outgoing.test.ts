import { describe, expect, test, vi } from "vitest";
import { Staged } from "./fake-socket.js";

const soon = {
  reconnect: { delay: 2, maxDelay: 2 },
  ping: { interval: 1000, timeout: 1000 },
} as const;

const full = { code: "ERR_WEBSOCKET_QUEUE_FULL" };

describe("what waits to be sent", () => {
  test.each([
    ["messages", { size: 2 }, ["1", "2"]],
    ["bytes", { bytes: 4 }, ["12", new Uint8Array(2)]],
  ] as const)("is as many %s as the queue takes, until a socket has them", async (_, queue, messages) => {
    const staged = new Staged({ ...soon, queue });
    const socket = await staged.connected();
    socket.end(1006);
    for (let index = 1; index <= 2; index++) {
      const sends = messages.map((message) => staged.ws.send(message));
      expect(staged.ws.snapshot().unsent).toBe(2);
      await expect(staged.ws.send("x")).rejects.toMatchObject(full);
      await staged.clock.advance(2);
      staged.sockets[index]?.open();
      await Promise.all(sends);
      expect(staged.sockets[index]?.sent).toEqual(messages);
      expect(staged.ws.snapshot().unsent).toBe(0);
      staged.sockets[index]?.end(1006);
    }
    expect(staged.told("dropped")).toEqual([
      { direction: "queued", count: 1 },
      { direction: "queued", count: 1 },
    ]);
    expect(staged.ws.stats.droppedQueued).toBe(2);
    staged.ws[Symbol.dispose]();
  });

  test("is looked after every 20 ms while the buffer of the socket is full, by one timer", async () => {
    const staged = new Staged({ ...soon, queue: { bytes: 100 } });
    const socket = await staged.connected();
    const before = staged.clock.pendingTimers;
    socket.bufferedAmount = 100;
    const sends = [staged.ws.send("1"), staged.ws.send("2")];
    await staged.clock.advance(0.5);
    expect([socket.sent, staged.clock.pendingTimers]).toEqual([[], before + 1]);
    socket.bufferedAmount = 0;
    await staged.clock.advance(0.02);
    expect([socket.sent, staged.clock.pendingTimers]).toEqual([["1", "2"], before]);
    await Promise.all(sends);
    staged.ws[Symbol.dispose]();
  });

  test("keeps the process alive while it waits for the buffer of the socket", async () => {
    const staged = new Staged({ ...soon, queue: { bytes: 100 } });
    const socket = await staged.connected();
    const setTimer = vi.spyOn(staged.clock, "setTimer");
    socket.bufferedAmount = 100;
    const sent = staged.ws.send("1");
    expect(setTimer.mock.calls.map(([, delay, options]) => [delay, options])).toEqual([[20, { ref: true }]]);
    socket.bufferedAmount = 0;
    await staged.clock.advance(0.02);
    await sent;
    staged.ws[Symbol.dispose]();
  });

  test("by whose end the manager is closed is rejected and told, once, and no timer is left", async () => {
    const staged = new Staged({ ...soon, queue: { bytes: 100 } });
    const socket = await staged.connected();
    socket.bufferedAmount = 100;
    const outcome = Promise.allSettled([staged.ws.send("1"), staged.ws.send("2")]);
    staged.ws[Symbol.dispose]();
    expect(await outcome).toMatchObject([
      { reason: { code: "ERR_WEBSOCKET_CLOSED" } },
      { reason: { code: "ERR_WEBSOCKET_CLOSED" } },
    ]);
    expect(socket.sent).toEqual([]);
    const [dropped] = staged.told("dropped");
    expect(staged.told("dropped")).toEqual([{ direction: "queued", count: 2 }]);
    expect(dropped).toSatisfy(Object.isFrozen);
    expect(staged.ws.stats).toMatchObject({ droppedQueued: 2, messagesSent: 0, bytesSent: 0 });
    expect([staged.ws.snapshot().unsent, staged.clock.pendingTimers]).toEqual([0, 0]);
  });

  test("when the manager gives up is rejected with why, and told", async () => {
    const staged = new Staged({ ...soon, reconnect: { maxAttempts: 1 } });
    const outcome = Promise.allSettled([staged.ws.connect(), staged.ws.send("1")]);
    (await staged.socket(0)).end(1006);
    expect(await outcome).toMatchObject([
      { reason: { code: "ERR_WEBSOCKET_GAVE_UP" } },
      { reason: { code: "ERR_WEBSOCKET_GAVE_UP" } },
    ]);
    expect(staged.told("dropped")).toEqual([{ direction: "queued", count: 1 }]);
  });

  test("is nothing: the end of the manager drops nothing", async () => {
    const staged = new Staged(soon);
    await staged.connected();
    await staged.ws.send("1");
    staged.ws[Symbol.dispose]();
    expect(staged.told("dropped")).toEqual([]);
  });
});

test("what was sent is counted, with subscriptions, in messages and in bytes or units of text", async () => {
  const staged = new Staged(soon);
  staged.ws.subscribe("abc");
  await staged.connected();
  expect(staged.ws.stats).toMatchObject({ messagesSent: 1, bytesSent: 3 });
  await staged.ws.send("hello");
  await staged.ws.send(new Uint8Array(7));
  expect(staged.ws.stats).toMatchObject({ messagesSent: 3, bytesSent: 15 });
  staged.ws[Symbol.dispose]();
});

describe("a subscription", () => {
  test("is sent at once on a connection, and on each one after it until it is forgotten", async () => {
    const staged = new Staged(soon);
    const socket = await staged.connected();
    let count = 0;
    staged.ws.subscribe("a");
    staged.ws.subscribe(() => `b ${++count}`, { key: "b" });
    staged.ws.subscribe("c");
    expect(socket.sent).toEqual(["a", "b 1", "c"]);
    expect(staged.ws.unsubscribe("a", "no a")).toBe(true);
    expect(staged.ws.unsubscribe("c")).toBe(true);
    expect(staged.ws.unsubscribe("a", "no a")).toBe(false);
    expect(socket.sent.slice(3)).toEqual(["no a"]);
    expect(staged.ws.subscriptions).toEqual(["b"]);
    socket.end(1006);
    await staged.clock.advance(2);
    staged.sockets[1]?.open();
    expect(staged.sockets[1]?.sent).toEqual(["b 2"]);
    staged.ws[Symbol.dispose]();
  });

  test("with the key of another takes its place", async () => {
    const staged = new Staged(soon);
    staged.ws.subscribe("old", { key: "k" });
    staged.ws.subscribe("new", { key: "k" });
    const socket = await staged.connected();
    expect([socket.sent, staged.ws.snapshot().subscriptions]).toEqual([["new"], 1]);
    staged.ws[Symbol.dispose]();
  });

  test("without a connection is made and sent when there is one, and forgotten without a message", async () => {
    const staged = new Staged(soon);
    let made = 0;
    staged.ws.subscribe(() => `a ${++made}`, { key: "a" });
    staged.ws.subscribe("b");
    expect(staged.ws.unsubscribe("b", "no b")).toBe(true);
    expect(made).toBe(0);
    const socket = await staged.connected();
    expect(socket.sent).toEqual(["a 1"]);
    staged.ws[Symbol.dispose]();
  });

  test("that gives nothing that can be sent is warned of, by its key, and the others are sent", async () => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const staged = new Staged(soon);
    staged.ws.subscribe(() => 5 as never, { key: "five" });
    staged.ws.subscribe("b");
    const socket = await staged.connected();
    expect(socket.sent).toEqual(["b"]);
    expect(warn.mock.calls).toEqual([
      [
        'subscription "five" of websocket "websocket" failed',
        expect.objectContaining({
          code: "KSTLIB_LISTENER_FAILED",
          detail: expect.stringContaining(
            "what it gives must be text, an ArrayBuffer or a view of one; got 5",
          ) as string,
        }),
      ],
    ]);
    staged.ws[Symbol.dispose]();
    warn.mockRestore();
  });
});
