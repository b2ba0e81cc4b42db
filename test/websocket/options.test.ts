import { describe, expect, test } from "vitest";
import { pushConfiguration } from "../../src/kernel/configured.js";
import { WebSocketManager, type WebSocketManagerOptions } from "../../src/websocket/index.js";
import { resolveManager } from "../../src/websocket/option-rules.js";

const URL = "ws://127.0.0.1:9";

describe("options", () => {
  test.each([
    ["ping.interval", { ping: { interval: Number.NaN } }],
    ["ping.timeout", { ping: { timeout: 0 } }],
    ["ping.message", { ping: { message: 1 } }],
    ["connection.timeout", { connection: { timeout: -1 } }],
    ["reconnect.delay", { reconnect: { delay: Number.POSITIVE_INFINITY } }],
    ["reconnect.maxDelay", { reconnect: { delay: "2m", maxDelay: "1m" } }],
    ["reconnect.spread", { reconnect: { maxDelay: "1m", spread: "2m" } }],
    ["preset", { preset: "gaming" }],
    ["reconnect.maxAttempts", { reconnect: { maxAttempts: 0 } }],
    ["queue.size", { queue: { size: 0 } }],
    ["queue.bytes", { queue: { bytes: 1.5 } }],
    ["queue", { queue: null }],
    ["proactive", { proactive: -1 }],
    ["proactive", { proactive: {} }],
    ["proactive.overlap", { proactive: { every: "1m", overlap: -1 } }],
    ["protocols", { protocols: [""] }],
    ["protocols", { protocols: "v1, v2" }],
    ["protocols", { protocols: ["v1", "v1"] }],
    ["headers.X", { headers: { X: "a\r\nb" } }],
    ["WebSocket", { WebSocket: {} }],
    ["messageKey", { messageKey: "id" }],
    ["pings", { pings: {} }],
  ])("name %s in the error", (name, options) => {
    expect(() => new WebSocketManager(URL, options as never)).toThrow(name);
  });

  test.each(["nowhere", "file:///etc", 5, null, undefined])("the URL %s is refused, and not told", (url) => {
    expect(() => new WebSocketManager(url as never)).toThrow(
      "url must be a ws: or wss: URL, or a function that gives one.",
    );
  });

  test("come from the section websocket, by name, and are checked with it", () => {
    {
      using _ = pushConfiguration({ websocket: { instances: { feed: { queue: { size: -1 } } } } });
      expect(() => new WebSocketManager(URL)).toThrow("websocket.instances.feed.queue.size");
    }
    using _ = pushConfiguration({ websocket: { queue: { size: 7 } } });
    expect(new WebSocketManager(URL).snapshot()).toMatchObject({ state: "disconnected", isDead: false });
  });

  test("a preset counts before the defaults, and single options before it", () => {
    const settings = (options: WebSocketManagerOptions, ...layers: object[]): object =>
      resolveManager(options, layers as never);
    expect(
      settings({ preset: "trading", ping: { message: "ping" }, reconnect: { delay: "2s" } }),
    ).toMatchObject({
      ping: { interval: 5000, timeout: 3000, message: "ping" },
      connection: { timeout: 10_000 },
      reconnect: { delay: 2000, maxDelay: 10_000 },
    });
    expect(settings({ reconnect: { delay: "90s" } }, { preset: "monitoring" })).toMatchObject({
      ping: { interval: 60_000, timeout: 30_000 },
      reconnect: { delay: 90_000, maxDelay: 300_000, spread: 200_000 },
    });
    expect(settings({ reconnect: { delay: "90s" } })).toMatchObject({ reconnect: { maxDelay: 90_000 } });
  });

  test("of close() and requestDisconnect() are checked", async () => {
    const ws = new WebSocketManager(URL);
    await expect(ws.close({ code: 1005 })).rejects.toThrow("code must be 1000, or from 3000 to 4999");
    expect(() => ws.requestDisconnect({ reason: "x".repeat(124) })).toThrow("at most 123 bytes");
    await expect(ws.connect({ signal: 1 as never })).rejects.toThrow("signal");
    await ws.close();
    await ws.close();
    expect(ws.state).toBe("closed");
  });

  test("a secret in the URL is in no snapshot and no error", async () => {
    const ws = new WebSocketManager("ws://user:secret@127.0.0.1:9/?key=secret", {
      reconnect: { maxAttempts: 1 },
    });
    const error: unknown = await ws.connect().catch((thrown: unknown) => thrown);
    expect(JSON.stringify([error, ws])).not.toContain("secret");
    expect((error as Error).message).toContain("gave up");
  });
});
