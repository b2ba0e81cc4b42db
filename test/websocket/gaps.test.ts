import { describe, expect, test } from "vitest";
import { Staged } from "./fake-socket.js";

const START = Date.UTC(2025, 0, 1);
const soon = {
  reconnect: { delay: 2, maxDelay: 2 },
  ping: { interval: 1000, timeout: 1000 },
} as const;

/** Of a connection that was lost, and made again one second later. */
async function gapOf(
  staged: Staged,
  before: () => void | Promise<void>,
): Promise<{ from: number; to: number; seconds: number }> {
  const socket = await staged.connected();
  const { sockets, clock } = staged;
  await before();
  socket.end(1006);
  await clock.advance(1);
  sockets.at(-1)?.open();
  const [gap] = staged.told("gap") as { from: number; to: number; seconds: number }[];
  staged.ws[Symbol.dispose]();
  if (gap === undefined) throw new Error("there is no gap");
  expect(gap.to - gap.from).toBeCloseTo(gap.seconds * 1000, 6);
  return { ...gap, from: (gap.from - START) / 1000, to: (gap.to - START) / 1000 };
}

describe("a gap", () => {
  test("begins with the last message of a stream", async () => {
    const staged = new Staged(soon);
    const gap = await gapOf(staged, async () => {
      for (let count = 0; count < 50; count++) {
        await staged.clock.advance(0.1);
        staged.sockets[0]?.deliver(String(count));
      }
      await staged.clock.advance(0.5);
    });
    expect(gap).toEqual({ from: 5, to: 6.5, seconds: 1.5 });
  });

  test("begins before a standstill, whose messages are read only after it", async () => {
    const staged = new Staged(soon);
    const gap = await gapOf(staged, async () => {
      staged.sockets[0]?.deliver("on time");
      // The process stands still; the server ends the connection meanwhile.
      await staged.clock.advance(15);
      staged.sockets[0]?.deliver("sent in the first of the 15 seconds");
      staged.sockets[0]?.deliver("this one as well");
    });
    expect(gap.from).toBe(0);
  });

  test("begins before a slow reader let the socket be paused", async () => {
    const staged = new Staged({ ...soon, queue: { size: 2 } });
    const gap = await gapOf(staged, async () => {
      const [socket] = staged.sockets;
      await staged.clock.advance(5);
      for (let count = 0; count < 8; count++) {
        socket?.deliver("1");
        socket?.deliver("2");
        expect(socket?.isPaused).toBe(true);
        await staged.clock.advance(7);
        await staged.ws.receive();
        await staged.ws.receive();
        expect(socket?.isPaused).toBe(false);
      }
    });
    expect(gap.from).toBeLessThanOrEqual(5);
  });

  test("begins before the first of several pauses, also when the connection ends during the last", async () => {
    const staged = new Staged({ ...soon, queue: { size: 2 } });
    const socket = await staged.connected();
    await staged.clock.advance(5);
    for (let count = 0; count < 2; count++) {
      for (const text of ["1", "2"]) socket.deliver(text);
      expect(socket.isPaused).toBe(true);
      await staged.clock.advance(60);
      if (count === 0) for (let read = 0; read < 2; read++) await staged.ws.receive();
    }
    staged.ws.requestDisconnect({ reconnectAfter: 1 });
    socket.end(1000);
    await staged.clock.advance(1);
    staged.sockets[1]?.open();
    const [gap] = staged.told("gap") as { from: number }[];
    expect(((gap?.from ?? Infinity) - START) / 1000).toBeLessThanOrEqual(5);
    staged.ws[Symbol.dispose]();
  });

  test("is told after requestDisconnect() as well", async () => {
    const staged = new Staged(soon);
    await staged.connected();
    staged.ws.requestDisconnect({ reconnectAfter: 30 });
    staged.sockets[0]?.end(1000);
    await staged.clock.advance(30);
    staged.sockets[1]?.open();
    expect(staged.told("gap")).toEqual([{ seconds: 30, from: START, to: START + 30_000 }]);
    staged.ws[Symbol.dispose]();
  });

  test("is as long as it was when the clock was set back meanwhile", async () => {
    const staged = new Staged(soon);
    const gap = await gapOf(staged, () => staged.clock.jumpWall(-3600));
    expect(gap).toEqual({ from: -3600, to: -3599, seconds: 1 });
  });

  test("contains the time in which the machine was asleep, which only the wall clock counts", async () => {
    const staged = new Staged(soon);
    const gap = await gapOf(staged, () => staged.clock.jumpWall(8 * 3600));
    expect(gap).toEqual({ from: 0, to: 8 * 3600 + 1, seconds: 8 * 3600 + 1 });
  });
});
