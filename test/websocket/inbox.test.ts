import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { Inbox, sizeOf } from "../../src/websocket/inbox.js";

/** An inbox with these messages, of at most 4 with 10 characters. */
function filled(...messages: string[]) {
  let taken = 0;
  const inbox = new Inbox({ size: 4, bytes: 10 }, () => taken++);
  for (const message of messages) inbox.push(message);
  return { inbox, taken: () => taken };
}

const over = (): { done: true; value: undefined } => ({ done: true, value: undefined });

test("the size of a message is its bytes, or the length of its text", () => {
  expect([sizeOf("ü€"), sizeOf(new ArrayBuffer(3))]).toEqual([2, 3]);
});

describe("messages that wait", () => {
  test.each<[readonly string[], boolean]>([
    [["1", "2", "3"], false],
    [["1", "2", "3", "4"], true],
    [["12345", "1234"], false],
    [["12345", "12345"], true],
  ])("fill it by their number or by their sizes: %j", (messages, isFull) => {
    expect(filled(...messages).inbox.isFull).toBe(isFull);
  });

  test.each<[readonly string[], boolean]>([
    [["1", "2", "3"], false],
    [["1", "2"], true],
    [["123456"], false],
    [["12345"], true],
  ])("leave room when both are at most half of the bounds: %j", (messages, hasRoom) => {
    expect(filled(...messages).inbox.hasRoom).toBe(hasRoom);
  });

  test.each<[readonly string[], number, string]>([
    [["1", "2", "3", "4"], 0, "1"],
    [["1", "2", "3", "4", "5", "6"], 2, "3"],
    [["12345", "12345"], 0, "12345"],
    [["12345", "12", "1234"], 1, "12"],
    [["12345678901"], 0, "12345678901"],
    [["1", "12345678901"], 1, "12345678901"],
  ])(
    "are dropped, the oldest first, until the bounds hold, but for the last: %j",
    async (messages, dropped, first) => {
      const { inbox } = filled(...messages);
      expect(inbox.trim()).toBe(dropped);
      expect(inbox.size).toBe(messages.length - dropped);
      expect(await inbox.take()).toEqual({ done: false, value: first });
    },
  );

  test("are taken in order, and make room", async () => {
    const { inbox, taken } = filled("12345", "12345");
    expect(await inbox.take()).toEqual({ done: false, value: "12345" });
    expect([inbox.isFull, inbox.hasRoom, inbox.size, taken()]).toEqual([false, true, 1, 1]);
  });
});

describe("readers that wait", () => {
  test("get what comes in order, without a way through the queue", async () => {
    const { inbox, taken } = filled();
    const readers = [inbox.take(), inbox.take()];
    for (const message of ["1", "2", "3"]) inbox.push(message);
    expect(await Promise.all(readers)).toEqual([
      { done: false, value: "1" },
      { done: false, value: "2" },
    ]);
    expect([inbox.size, taken()]).toEqual([1, 0]);
  });

  test("leave with the reason of their signal, take no message with them, and leave no listener", async () => {
    const { inbox } = filled();
    const { signal, abort } = ((controller) => ({
      signal: controller.signal,
      abort: () => controller.abort(new Error("enough")),
    }))(new AbortController());
    const first = inbox.take(signal);
    const second = inbox.take();
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    abort();
    inbox.push("1");
    await expect(first).rejects.toThrow("enough");
    expect(await second).toEqual({ done: false, value: "1" });
    expect(getEventListeners(signal, "abort")).toEqual([]);
    await expect(inbox.take(signal)).rejects.toThrow("enough");
    await expect(inbox.take({} as AbortSignal)).rejects.toThrow(/signal must be an AbortSignal/);
  });

  test("with a signal leave no listener at it when a message comes", async () => {
    const { inbox } = filled();
    const { signal } = new AbortController();
    const reader = inbox.take(signal);
    inbox.push("1");
    expect(getEventListeners(signal, "abort")).toEqual([]);
    expect(await reader).toEqual({ done: false, value: "1" });
  });
});

describe("the end", () => {
  test("comes after what waits, for each reader, and may be taken back", async () => {
    const { inbox } = filled();
    const waiting = [inbox.take(), inbox.take()];
    inbox.end(over);
    expect(await Promise.all(waiting)).toEqual([over(), over()]);
    inbox.push("left");
    expect([await inbox.take(), await inbox.take()]).toEqual([{ done: false, value: "left" }, over()]);
    inbox.end(undefined);
    const next = inbox.take();
    inbox.push("again");
    expect(await next).toEqual({ done: false, value: "again" });
  });

  test("that is taken back while readers wait ends none of them", async () => {
    const { inbox } = filled();
    const waiting = inbox.take();
    inbox.end(undefined);
    inbox.push("1");
    expect(await waiting).toEqual({ done: false, value: "1" });
  });

  test("may say why", async () => {
    const { inbox } = filled();
    const waiting = inbox.take();
    inbox.end(() => Promise.reject(new Error("gave up")));
    await expect(waiting).rejects.toThrow("gave up");
    await expect(inbox.take()).rejects.toThrow("gave up");
  });
});
