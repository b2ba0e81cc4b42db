// The log of what is an entry of its own, which the core does not know.
import { createClient } from "redis";
import { expect, test } from "vitest";
import { AlertDeliveryError, AlertSender } from "../src/alerts/index.js";
import { logEvents } from "../src/log-events.js";
import { SharedKeyedRateLimiter, SharedRateLimiter } from "../src/redis/index.js";
import { TimeTrigger } from "../src/schedule/index.js";
import { ManualClock } from "../src/testing/index.js";
import { Staged } from "./websocket/fake-socket.js";
import { memoryLogger } from "./memory-logger.js";

test("a WebSocket: how its connections come and go, and nothing that the server says", async () => {
  const staged = new Staged({ name: "feed", reconnect: { delay: "1s", spread: 0 } });
  const { clock, ws } = staged;
  const logger = memoryLogger("[resilience] ");
  using _log = logEvents(logger, ws);
  ws.on("message", () => {});
  const connected = ws.connect();
  const first = await staged.socket(0);
  first.open();
  await connected;
  first.deliver("a secret");
  first.end(4000, "a secret");
  await clock.advance("1s");
  (await staged.socket(1)).open();
  await clock.advance(0);
  const closed = ws.close();
  (await staged.socket(1)).end(1000);
  await closed;
  expect(logger.lines.map((line) => line.replace(/[\d.e-]+ s/, "N s"))).toEqual([
    "info websocket feed: connected",
    "warn websocket feed: disconnected (server-closed, 4000)",
    "info websocket feed: attempt 2 in N s",
    "info websocket feed: connected",
    "warn websocket feed: messages of N s may be missing",
    "info websocket feed: disconnected (closed, 1000)",
  ]);
});

test("a trigger: boundaries that were missed, and callbacks that fail", async () => {
  const clock = new ManualClock();
  const trigger = new TimeTrigger("1m", { clock, name: "candle" });
  const logger = memoryLogger("[resilience] ");
  using _log = logEvents(logger, trigger);
  const boundaries: string[] = [];
  trigger.onBoundary(({ boundary, missed }) => {
    boundaries.push(boundary.toISOString());
    if (missed > 0) throw new TypeError("a secret");
  });
  await clock.advance("1m");
  clock.sleepSync(150_000);
  await clock.advance(0);
  trigger.stop();
  expect(logger.lines).toEqual([
    `warn schedule candle: ${boundaries[1]}, 1 before it were missed`,
    "warn schedule candle: a callback failed (TypeError)",
  ]);
});

test("alerts: what could not be delivered or is lost, without what they say", async () => {
  const logger = memoryLogger("[resilience] ");
  const refuses = new AlertDeliveryError("ops", "the server answered 404", { retryable: false });
  const ops = { name: "ops", deliver: () => Promise.reject(refuses) };
  await using alerts = new AlertSender({ name: "bot", channels: [ops] });
  using _log = logEvents(logger, alerts);
  await alerts.send({ title: "a secret", body: "a secret", key: "a secret" });
  expect(logger.lines).toHaveLength(1);
  expect(logger.lines[0]).toMatch(/^warn alerts bot: ops could not deliver a message: .*404/);
  expect(logger.lines[0]).not.toContain("secret");
});

test.each([
  ["a shared limit", "shared-rate-limiter", SharedRateLimiter, 1],
  ["a shared limit of keys", "shared-keyed-rate-limiter", SharedKeyedRateLimiter, "a secret"],
] as const)("%s: that its store is away", async (_, kind, Limiter, what) => {
  const client = createClient(); // is not connected
  await using limiter = new Limiter({ client, name: "users" });
  const logger = memoryLogger("[resilience] ");
  using _log = logEvents(logger, limiter);
  await limiter.tryAcquire(what as never);
  expect(logger.lines).toEqual([
    `warn ${kind} users: the store does not answer: the client is not connected.`,
  ]);
});
