import { describe, expect, test } from "vitest";
import type { WebSocketManager } from "../../src/websocket/index.js";
import { FakeSocket, Staged } from "./fake-socket.js";

const ping = { interval: 1000, timeout: 1000 } as const;
const forever = { reconnect: { delay: 10, maxDelay: 10, spread: 0 }, ping } as const;

describe("the end of a manager", () => {
  test("stays when shouldReconnect or random closes it", async () => {
    for (const by of ["shouldReconnect", "random"]) {
      const closing = (): number => {
        void manager()?.close();
        return 0;
      };
      const staged = new Staged({ ...forever, [by]: closing });
      const manager = (): WebSocketManager | undefined => staged.ws;
      const socket = await staged.connected();
      socket.end(1006);
      await staged.clock.advance(60);
      expect(staged.ws.state).toBe("closed");
      expect(staged.sockets).toHaveLength(1);
      expect(staged.clock.pendingTimers).toBe(0);
    }
  });

  test.each(["connecting", "connected", "reconnecting", "handing over", "overlapping"])(
    "leaves no timer, listener or socket when it is closed while %s",
    async (when) => {
      const staged = new Staged({ ...forever, proactive: { every: 60, overlap: 5 } });
      const { ws, clock, sockets } = staged;
      const connected = ws.connect().catch(() => {});
      const first = await staged.socket(0);
      if (when !== "connecting") first.open();
      if (when === "reconnecting") first.end(1006);
      if (when === "handing over" || when === "overlapping") {
        first.deliver("alive");
        await clock.advance(60);
      }
      if (when === "overlapping") {
        sockets[1]?.open();
        sockets[1]?.deliver("alive");
      }
      const closed = ws.close();
      await clock.advance(0);
      for (const socket of sockets) if (socket.readyState === 2) socket.end(1000);
      await closed;
      await connected;
      expect(clock.pendingTimers).toBe(0);
      for (const { readyState, listeners } of sockets) {
        expect(readyState).toBe(3);
        expect([...listeners].filter(([event, count]) => count !== (event === "error" ? 1 : 0))).toEqual([]);
      }
      await clock.advance(600);
      expect(ws.state).toBe("closed");
      expect(sockets.length).toBeLessThanOrEqual(2);
    },
  );

  test("is not delayed by asking again to close a connection that does not answer", async () => {
    const staged = new Staged();
    const socket = await staged.connected();
    staged.ws.requestDisconnect({ reconnectAfter: 600 });
    for (let seconds = 0; seconds < 5; seconds++) {
      await staged.clock.advance(1);
      staged.ws.requestDisconnect({ reconnectAfter: 600 });
    }
    expect(socket.isTerminated).toBe(true);
    await staged.ws.close();
  });
});

describe("connect()", () => {
  test("with a signal that is none or is aborted connects nothing", async () => {
    const staged = new Staged();
    await expect(staged.ws.connect({ signal: 1 as never })).rejects.toThrow("signal");
    await expect(staged.ws.connect({ signal: AbortSignal.abort() })).rejects.toThrow("abort");
    expect(staged.ws.state).toBe("disconnected");
    expect(staged.clock.pendingTimers).toBe(0);
  });

  test("survives a constructor that throws, and one whose sockets never open", async () => {
    let made = 0;
    class Odd extends FakeSocket {
      constructor() {
        super();
        if (++made === 1) throw new Error("not today");
      }
    }
    const staged = new Staged({ ...forever, WebSocket: Odd });
    const { ws, clock } = staged;
    const connected = ws.connect().catch(() => {});
    await clock.advance(0);
    expect(staged.told("error")).toMatchObject([{ code: "ERR_WEBSOCKET_CONNECT" }]);
    await clock.advance(5);
    await clock.advance(30);
    expect(staged.told("error")).toHaveLength(2);
    await ws.close();
    await connected;
    expect(clock.pendingTimers).toBe(0);
  });

  test("draws the first delay up to reconnect.delay, also when the first attempt has failed", async () => {
    const staged = new Staged({ reconnect: { delay: 1, maxDelay: 60 } });
    const connected = staged.ws.connect().catch(() => {});
    for (let attempt = 0; attempt < 9; attempt++) {
      (await staged.socket(attempt)).end(1006);
      await staged.clock.advance(30);
    }
    expect(staged.told("reconnecting").map((told) => (told as { delay: number }).delay)).toEqual([
      0.5, 1, 2, 4, 8, 16, 30, 30, 30,
    ]);
    await staged.ws.close();
    await connected;
  });
});

describe("isDead", () => {
  test.each(["requested", "scheduled"])(
    "tells that there has been no connection for reconnect.deadAfter since one that was %s to end",
    async (why) => {
      const staged = new Staged({
        reconnect: { deadAfter: 20, delay: 1, maxDelay: 1 },
        ...(why === "scheduled" ? { proactive: { every: 10, handover: false } } : {}),
      });
      const socket = await staged.connected();
      if (why === "requested") staged.ws.requestDisconnect({ reconnectAfter: 10 });
      await staged.clock.advance(10);
      socket.end(1000);
      await staged.clock.advance(12);
      expect(staged.ws.isDead).toBe(false);
      await staged.clock.advance(25);
      expect(staged.ws.isDead).toBe(true);
      await staged.ws.close();
    },
  );
});

describe("an error of an open socket", () => {
  test("ends the connection at once, and is not taken for a restart of the server", async () => {
    const staged = new Staged({ reconnect: { delay: 1, maxDelay: 60, resetAfter: 0 } });
    const socket = await staged.connected();
    socket.tell("error", { error: new RangeError("Invalid WebSocket frame") });
    expect(staged.told("disconnect")).toMatchObject([{ reason: "network-error", code: 1006 }]);
    expect(staged.told("reconnecting")).toEqual([{ attempt: 1, delay: 0.5 }]);
    expect(staged.ws.snapshot().lastError).toContain("Invalid WebSocket frame");
    socket.end(1006);
    expect(staged.told("disconnect")).toHaveLength(1);
    await staged.ws.close();
  });
});

describe("a failing planned handover", () => {
  const handover = {
    reconnect: { delay: 10, maxDelay: 10, resetAfter: 10 },
    proactive: { every: 60, overlap: 1 },
    ping,
  } as const;

  test("goes back to the old connection when the new one ends at once", async () => {
    const staged = new Staged(handover);
    const { ws, clock, sockets } = staged;
    ws.subscribe("a");
    const first = await staged.connected();
    first.deliver("alive");
    await clock.advance(60);
    sockets[1]?.open();
    ws.subscribe("b");
    sockets[1]?.end(1013);
    expect(ws.state).toBe("connected");
    await ws.send("for the old one");
    expect(first.sent).toEqual(["a", "a", "b", "for the old one"]);
    for (let seconds = 0; seconds < 60; seconds++) {
      first.deliver("alive");
      await clock.advance(1);
      sockets.at(-1)?.end(1013);
    }
    expect(first.closes).toEqual([]);
    expect(sockets.length).toBeGreaterThan(3);
    expect(staged.told("gap")).toEqual([]);
    const last = sockets.length;
    await clock.advance(10);
    sockets[last]?.open();
    sockets[last]?.deliver("alive");
    await clock.advance(1);
    expect(first.closes).toEqual([1000]);
    ws[Symbol.dispose]();
  });

  test("sends by the old connection what waited for the new one", async () => {
    const staged = new Staged({ ...handover, shouldReconnect: () => false });
    const first = await staged.connected();
    await staged.clock.advance(60);
    const [, second] = staged.sockets;
    second?.open();
    if (second !== undefined) second.readyState = 2;
    const sent = staged.ws.send("waits");
    second?.end(1013);
    await sent;
    expect(first.sent).toEqual(["waits"]);
    staged.ws[Symbol.dispose]();
  });

  test("tells a gap when the old one ends before the new one has delivered anything", async () => {
    const staged = new Staged(handover);
    const first = await staged.connected();
    await staged.clock.advance(60);
    first.deliver("the last");
    staged.sockets[1]?.open();
    await staged.clock.advance(2);
    first.end(1006);
    expect(staged.told("gap")).toMatchObject([{ seconds: expect.any(Number) as number }]);
    expect(staged.ws.state).toBe("connected");
    staged.sockets[1]?.end(1000);
    expect(staged.told("gap")).toHaveLength(1);
    staged.ws[Symbol.dispose]();
  });

  test("does not keep the loss of the old one waiting for its own next attempt", async () => {
    const asked: unknown[] = [];
    const staged = new Staged({
      reconnect: { delay: 3600, maxDelay: 3600, resetAfter: 0, spread: 0 },
      proactive: { every: 60 },
      ping,
      random: () => 0.01,
      shouldReconnect: ({ disconnect }) => {
        asked.push(disconnect?.code);
        return true;
      },
    });
    const first = await staged.connected();
    await staged.clock.advance(60);
    staged.sockets[1]?.end(1006);
    first.end(1008);
    expect(asked).toEqual([undefined, 1008]);
    expect(staged.told("reconnecting")).toHaveLength(2);
    await staged.ws.close();
    expect(staged.clock.pendingTimers).toBe(0);
  });
});

describe("a trigger of planned reconnects", () => {
  test.each([
    ["is past", () => new Date(0)],
    ["is now", (now: number) => now],
  ])("plans nothing by a boundary that %s", async (_, boundary) => {
    const staged: Staged = new Staged({
      ping,
      proactive: { trigger: { nextBoundary: () => boundary(staged.clock.wallNow()) } },
    });
    await staged.connected();
    await staged.clock.advance(10);
    expect(staged.sockets).toHaveLength(1);
    staged.ws[Symbol.dispose]();
  });

  test("waits for its boundary by the wall clock, which was set back meanwhile", async () => {
    const staged = new Staged({
      ping,
      proactive: { trigger: { nextBoundary: () => new Date(Date.UTC(2025, 0, 1, 0, 0, 30)) } },
    });
    await staged.connected();
    await staged.clock.advance(20);
    staged.clock.jumpWall(-5);
    await staged.clock.advance(12);
    expect(staged.sockets).toHaveLength(1);
    await staged.clock.advance(3);
    expect(staged.sockets).toHaveLength(2);
    staged.ws[Symbol.dispose]();
  });
});
