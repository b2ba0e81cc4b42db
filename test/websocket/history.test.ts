import { describe, expect, test } from "vitest";
import { Staged } from "./fake-socket.js";

const START = Date.UTC(2025, 0, 1);
const ping = { interval: 1000, timeout: 1000 } as const;

test("counts connections and their ends, by whose doing they were, and tells how many there have been", async () => {
  const staged = new Staged({ ping, reconnect: { delay: 2, maxDelay: 2 } });
  const { ws, clock, sockets } = staged;
  expect(ws.stats).toMatchObject({
    connects: 0,
    disconnects: 0,
    lastConnectAt: null,
    lastDisconnectAt: null,
  });
  const first = await staged.connected();
  await clock.advance(5);
  first.end(1008);
  await clock.advance(1);
  sockets[1]?.end(1006);
  await clock.advance(2);
  sockets[2]?.open();
  await clock.advance(1);
  ws.requestDisconnect({ reconnectAfter: 3600 });
  sockets[2]?.end(1000);
  expect(ws.stats).toMatchObject({
    connects: 2,
    disconnects: 2,
    proactiveDisconnects: 1,
    reactiveDisconnects: 1,
    failedAttempts: 1,
    lastConnectAt: START + 8000,
    lastDisconnectAt: START + 9000,
  });
  expect(staged.told("connect")).toEqual([
    { connects: 1, isHandover: false },
    { connects: 2, isHandover: false },
  ]);
  expect(staged.told("connect").every((told) => Object.isFrozen(told))).toBe(true);
  ws[Symbol.dispose]();
});

describe("the old connection of a handover", () => {
  const handover = { ping, connection: { timeout: 20 }, proactive: { every: 60, overlap: 5 } } as const;

  async function handedOver() {
    const staged = new Staged(handover);
    const former = await staged.connected();
    await staged.clock.advance(60);
    staged.sockets[1]?.open();
    return { staged, former };
  }

  test("is closed an overlap after the first message of the new one, however many follow", async () => {
    const { staged, former } = await handedOver();
    await staged.clock.advance(10);
    for (let seconds = 0; seconds < 5; seconds++) {
      staged.sockets[1]?.deliver("alive");
      expect(former.closes).toEqual([]);
      await staged.clock.advance(1);
    }
    expect(former.closes).toEqual([1000]);
    expect(staged.told("connect")).toMatchObject([{ isHandover: false }, { connects: 2, isHandover: true }]);
    staged.ws[Symbol.dispose]();
  });

  test("is closed after connection.timeout where the new one has nothing to say", async () => {
    const { staged, former } = await handedOver();
    await staged.clock.advance(19);
    expect(former.closes).toEqual([]);
    await staged.clock.advance(1);
    expect(former.closes).toEqual([1000]);
    staged.ws[Symbol.dispose]();
  });

  test("leaves no gap and no timer when it ends during the overlap", async () => {
    const { staged, former } = await handedOver();
    staged.sockets[1]?.deliver("alive");
    const before = staged.clock.pendingTimers;
    former.end(1006);
    const after = staged.clock.pendingTimers;
    expect(after).toBeLessThan(before);
    staged.sockets[1]?.deliver("and well");
    expect(staged.clock.pendingTimers).toBe(after);
    expect(staged.told("gap")).toEqual([]);
    staged.ws[Symbol.dispose]();
  });
});
