import { fork } from "node:child_process";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { realClock } from "../../src/kernel/clock.js";
import { WebSocketManager } from "../../src/websocket/index.js";
import { ManualClock } from "../../src/testing/index.js";
import { startServer, until } from "./server.js";

const reconnect = { delay: "5ms", maxDelay: "20ms" } as const;

describe("faults", () => {
  test("a server that accepts and is silent is found, and the connection made again", async () => {
    await using server = await startServer({ autoPong: false });
    const ws = new WebSocketManager(server.url, {
      WebSocket,
      reconnect,
      ping: { interval: "30ms", timeout: "30ms" },
    });
    const reasons: string[] = [];
    ws.on("disconnect", ({ reason }) => reasons.push(reason));
    await ws.connect();
    await until(() => server.sockets.length >= 3);
    expect(new Set(reasons)).toEqual(new Set(["ping-timeout"]));
    await ws.close();
    await until(() => server.wss.clients.size === 0);
  });

  test("a server that answers pings is kept", async () => {
    let pings = 0;
    await using server = await startServer({ connected: (socket) => socket.on("ping", () => pings++) });
    const ws = new WebSocketManager(server.url, { WebSocket, ping: { interval: "5ms", timeout: "60s" } });
    await ws.connect();
    await until(() => pings >= 5);
    expect(ws.stats.disconnects).toBe(0);
    await ws.close();
  });

  test("a server process that is stopped is a half-open connection, found by pings", async () => {
    const server = fork(path.join(import.meta.dirname, "../fixtures/websocket-server.mjs"));
    const [port] = (await new Promise((resolve) => server.once("message", resolve))) as [number];
    const ws = new WebSocketManager(`ws://127.0.0.1:${port}`, {
      WebSocket,
      reconnect,
      ping: { interval: "50ms", timeout: "50ms" },
      connection: { timeout: "100ms" },
    });
    const ended = new Promise((resolve) => ws.on("disconnect", resolve));
    await ws.connect();
    server.kill("SIGSTOP");
    expect(await ended).toMatchObject({ reason: "ping-timeout", code: 1006, wasProactive: false });
    server.kill("SIGCONT");
    await ws.waitConnected();
    await ws.close();
    server.kill();
  });

  test("an event loop that is blocked for longer than the ping timeout ends no healthy connection", async () => {
    // Another process: its answer is there when the block is over.
    const server = fork(path.join(import.meta.dirname, "../fixtures/websocket-server.mjs"));
    const [port] = (await new Promise((resolve) => server.once("message", resolve))) as [number];
    let pings = 0;
    class Blocking extends WebSocket {
      override ping(): void {
        super.ping();
        pings++;
        realClock.sleepSync(700);
      }
    }
    const ws = new WebSocketManager(`ws://127.0.0.1:${port}`, {
      WebSocket: Blocking,
      ping: { interval: "50ms", timeout: "300ms" },
    });
    await ws.connect();
    await until(() => pings >= 2);
    expect(ws.stats.disconnects).toBe(0);
    await ws.close();
    server.kill();
  });

  test("a message of 10 MB and frames that are garbage do no harm", async () => {
    const big = "x".repeat(10_000_000);
    await using server = await startServer({
      connected(socket, index) {
        if (index > 1) {
          socket.send(big);
          return;
        }
        socket.send("before");
        // Reserved bits and an unknown opcode.
        const { _socket: raw } = socket as unknown as { _socket: { write(data: Buffer): void } };
        raw.write(Buffer.from([0x7f, 0xff, 0x00, 0x13]));
      },
    });
    const ws = new WebSocketManager(server.url, {
      WebSocket,
      reconnect,
      ping: { interval: "20ms", timeout: "2s" },
    });
    await ws.connect();
    expect(await ws.receive()).toBe("before");
    expect(await ws.receive()).toHaveLength(10_000_000);
    expect(ws.stats.reactiveDisconnects).toBe(1);
    await ws.close();
  });

  test("a reader that does not read holds the server back, and loses nothing", async () => {
    const COUNT = 20_000;
    const text = "y".repeat(1000);
    await using server = await startServer({
      connected(socket) {
        for (let index = 0; index < COUNT; index++) socket.send(`${index} ${text}`);
      },
    });
    const ws = new WebSocketManager(server.url, { WebSocket, queue: { size: 100, bytes: 1_000_000 } });
    await ws.connect();
    await until(() => ws.snapshot().unread >= 100);
    let most = 0;
    for (let index = 0; index < COUNT; index++) {
      const data = await ws.receive();
      if (data !== `${index} ${text}`) throw new Error(`not the message ${index}`);
      if (index % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
      most = Math.max(most, ws.snapshot().unread);
    }
    expect(most).toBeLessThan(300);
    expect(ws.stats.droppedReceived).toBe(0);
    await ws.close();
  });

  test("where the socket cannot be paused, the oldest are dropped and told", async () => {
    await using server = await startServer();
    const { WebSocket: OfWs } = await import("ws");
    class NoPause extends OfWs {}
    Object.defineProperties(NoPause.prototype, { pause: { value: undefined }, resume: { value: undefined } });
    const ws = new WebSocketManager(server.url, { queue: { size: 3 }, WebSocket: NoPause });
    const dropped: number[] = [];
    ws.on("dropped", ({ count }) => dropped.push(count));
    await ws.connect();
    for (let index = 1; index <= 10; index++) server.sockets[0]?.send(String(index));
    await until(() => ws.stats.messagesReceived === 10);
    expect(dropped).toEqual([1]);
    expect([await ws.receive(), await ws.receive(), await ws.receive()]).toEqual(["8", "9", "10"]);
    expect(dropped).toEqual([1, 6]);
    await ws.close();
  });

  test("listeners and callbacks that throw are told and change nothing", async () => {
    await using server = await startServer({ connected: (socket) => socket.send("m") });
    const fail = (): never => {
      throw new Error("of the application");
    };
    const warnings: unknown[] = [];
    const listen = (warning: Error): unknown => warnings.push(warning);
    process.on("warning", listen);
    const ws = new WebSocketManager(server.url, {
      WebSocket,
      reconnect,
      messageKey: fail,
      shouldReconnect: fail,
    });
    for (const event of ["connect", "disconnect", "message", "reconnecting", "gap"] as const) {
      ws.on(event, fail);
    }
    ws.subscribe(fail, { key: "f" });
    await ws.connect();
    server.sockets[0]?.terminate();
    await until(() => server.sockets.length === 2);
    await ws.waitConnected();
    await ws.close();
    await until(() => warnings.length >= 8);
    process.off("warning", listen);
    expect(ws.state).toBe("closed");
  });

  test("what is more than the queue takes is refused and told; what waits is rejected by close()", async () => {
    const ws = new WebSocketManager("ws://127.0.0.1:9", {
      queue: { size: 2 },
      reconnect: { delay: "1h", maxDelay: "1h" },
    });
    const dropped: unknown[] = [];
    ws.on("dropped", (payload) => dropped.push(payload));
    const connected = ws.connect();
    const waiting = [ws.send("1"), ws.send("2")];
    await expect(ws.send("3")).rejects.toMatchObject({ code: "ERR_WEBSOCKET_QUEUE_FULL" });
    const ends = Promise.allSettled([connected, ...waiting]);
    await ws.close();
    expect((await ends).map((end) => end.status)).toEqual(["rejected", "rejected", "rejected"]);
    expect(dropped).toEqual([
      { direction: "queued", count: 1 },
      { direction: "queued", count: 2 },
    ]);
  });

  test("an attempt that hangs ends at its timeout, with the function that gives the URL", async () => {
    const clock = new ManualClock();
    const ws = new WebSocketManager(() => new Promise<string>(() => {}), {
      clock,
      reconnect: { maxAttempts: 1 },
    });
    const connected = ws.connect();
    const ended = connected.catch((error: unknown) => error);
    await clock.advance(30);
    expect(await ended).toMatchObject({ code: "ERR_WEBSOCKET_GAVE_UP" });
    expect(ws.snapshot().failedAttempts).toBe(1);
  });
});
