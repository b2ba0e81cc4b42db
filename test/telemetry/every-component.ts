import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import * as ws from "ws";
import { AlertManager } from "../../src/alerts/alert-manager.js";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import { Obedience } from "../../src/http/client/obedience.js";
import { Health } from "../../src/health/health.js";
import { Heartbeat } from "../../src/heartbeat/heartbeat.js";
import type { Component } from "../../src/kernel/component.js";
import { Events } from "../../src/kernel/events.js";
import {
  AdaptiveLimiter,
  Bulkhead,
  Chaos,
  Fallback,
  Hedge,
  pipeline,
  Retry,
  RetryBudget,
  SingleFlight,
  Timeout,
} from "../../src/policies/index.js";
import { KeyedRateLimiter } from "../../src/rate-limiter/keyed-rate-limiter.js";
import { RateLimiter } from "../../src/rate-limiter/rate-limiter.js";
import { TimeTrigger } from "../../src/schedule/time-trigger.js";
import { GracefulShutdown } from "../../src/shutdown/graceful-shutdown.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import { Watchdog } from "../../src/watchdog/watchdog.js";
import { WebSocketManager } from "../../src/websocket/websocket-manager.js";
import { startServer } from "../websocket/server.js";

const fails = (): Promise<never> => Promise.reject(new Error("postgres://user:secret@db"));
const never = (): Promise<never> => new Promise(() => {});
const calm = (promise: Promise<unknown>): Promise<unknown> => promise.catch(() => {});

async function callPolicies(clock: ManualClock): Promise<Component[]> {
  const circuit = new CircuitBreaker({ name: "payments", maxFailures: 2, clock });
  await circuit.call(async () => clock.advance("30ms"));
  circuit.callSync(() => 1);
  await calm(circuit.execute(never, { signal: AbortSignal.abort() }));
  for (let call = 0; call < 3; call++) await calm(circuit.call(fails));
  const observed = new CircuitBreaker({ name: "observed", mode: "observe", maxFailures: 1, clock });
  for (let call = 0; call < 2; call++) await calm(observed.call(fails));

  const limiter = new RateLimiter({ name: "exchange", rate: 1, burst: 2, clock });
  for (let call = 0; call < 3; call++) limiter.tryAcquire();
  const waiting = limiter.acquire();
  await clock.advance("1s");
  await waiting;
  limiter.pauseFor(60);
  void calm(limiter.acquire());
  const keyed = new KeyedRateLimiter({
    name: "tenants",
    rate: 1,
    burst: 1,
    maxKeys: 1,
    onFull: "evict",
    clock,
  });
  for (const key of ["secret-key", "secret-key", "another-key"]) keyed.tryAcquire(key);

  const budget = new RetryBudget({ name: "spare", minPerSecond: 0.1, ratio: 0, clock });
  const retry = new Retry({ name: "quotes", attempts: 2, delay: 0, budget, clock });
  await calm(retry.call(fails));
  await calm(retry.call(fails));
  const timeout = new Timeout({ name: "slow", timeout: 1, clock });
  const late = calm(timeout.call(never));
  await clock.advance("1s");
  await late;

  const bulkhead = new Bulkhead({ name: "reports", maxConcurrent: 1, maxQueue: 1, clock });
  const permit = bulkhead.tryPermit();
  const queued = bulkhead.call(() => 1);
  await calm(bulkhead.call(() => 1));
  await clock.advance("200ms");
  permit?.[Symbol.dispose]();
  await queued;
  void bulkhead.call(never);
  const adaptive = new AdaptiveLimiter({ name: "search", initial: 4, min: 1, max: 8, clock });
  await adaptive.call(() => 1);
  adaptive.update({ max: 2 });
  adaptive.update({ min: 3, max: 8 });

  const fallback = new Fallback({ name: "cached", to: 0, lastGood: { maxAge: 60 }, clock });
  await fallback.call(() => 1);
  await fallback.call(fails);
  await new Fallback({ name: "cached", to: 0, clock }).call(fails);
  const hedge = new Hedge({
    name: "replicas",
    delay: "10ms",
    budget: { minPerSecond: 0.1, ratio: 0 },
    clock,
  });
  for (let call = 0; call < 2; call++) {
    const hedged = hedge.execute(({ attempt }) => (attempt === 1 ? never() : attempt));
    await clock.advance("10ms");
    if (call === 0) await hedged;
  }
  const flight = new SingleFlight({ name: "user" });
  const share = (): Promise<unknown> => flight.execute(() => Promise.resolve(1));
  await Promise.all([share(), share()]);
  const chaos = new Chaos({ name: "faults", enabled: true, rate: 1, random: () => 0 });
  await calm(chaos.call(() => 1));

  const api = pipeline({ name: "api" }, circuit);
  await calm(api.call(() => 1));
  circuit.reset();
  await api.call(() => 1);
  await calm(api.call(fails));
  return [circuit, observed, limiter, keyed, budget, retry, timeout, bulkhead, adaptive, fallback, hedge];
}

async function callServer(clock: ManualClock): Promise<Component> {
  const client = new Obedience("shop", undefined, clock, () => undefined);
  const answers = [{ status: 429, headers: new Headers({ "retry-after": "30" }) }];
  const call = (remaining: number): Promise<unknown> =>
    client.execute(async () => answers.pop() ?? { status: 200, headers: new Headers() }, { remaining });
  await call(Infinity);
  await calm(call(10));
  const waiting = call(Infinity);
  await clock.advance("30s");
  await waiting;
  return client;
}

async function runServices(clock: ManualClock, folder: string): Promise<Component[]> {
  const heartbeat = new Heartbeat({
    name: "bot",
    stateFile: path.join(folder, "bot.json"),
    target: { isDead: true },
    systemd: false,
  });
  const dead = new Promise((resolve) => heartbeat.on("targetDead", resolve));
  heartbeat.start();
  await dead;
  const lost = new Heartbeat({
    name: "lost",
    stateFile: path.join(folder, "none", "x.json"),
    systemd: false,
  });
  await calm(lost.beat());

  const watchdog = new Watchdog({ name: "feed", timeout: 10, clock, onTimeout: () => {} });
  watchdog.start();
  await clock.advance(12);
  watchdog.ping();
  await clock.advance(1);
  watchdog.stop();

  const health = new Health({ name: "service", clock });
  health.addCheck("database", fails);
  await health.readiness();
  const shutdown = new GracefulShutdown({ name: "end", exit: () => {}, signals: [] });
  shutdown.register("cache", () => {});
  shutdown.register("mail", fails);
  await shutdown.trigger("test");
  return [heartbeat, lost, watchdog, health, shutdown];
}

type Changes = Record<"down" | "joined" | "lost" | "stopped", object>;

async function runApart(clock: ManualClock): Promise<{ components: Component[]; end(): Promise<unknown> }> {
  const trigger = new TimeTrigger("1m", { name: "candles", clock });
  const callback = trigger.onBoundary(fails);
  const failed = new Promise((resolve) => trigger.on("error", resolve));
  await clock.advance("1m");
  await failed;
  callback[Symbol.dispose]();
  const manager = (deliver: () => Promise<undefined>): AlertManager =>
    new AlertManager({
      name: "ops",
      clock,
      dedupe: 0,
      maxRetries: 0,
      channels: [{ name: "pager", deliver }],
    });
  const alert = { title: "secret title", level: "critical" } as const;
  const alerts = manager(() => Promise.resolve(undefined));
  await alerts.send(alert);
  await manager(fails).send(alert);
  const stuck = manager(never);
  const lost = new Promise((resolve) => stuck.on("dropped", resolve));
  void stuck.send(alert);
  void stuck.send(alert);
  void stuck.close();
  await clock.advance("10m");
  await lost;

  // What needs a Redis has its own tests; here are its events alone.
  new Events<Changes>("store", ["down"], { kind: "store", name: "redis" }).emit("down", {});
  const watch = new Events<Changes>("a watch", ["joined", "lost", "stopped"], {
    kind: "heartbeat-watch",
    name: "workers",
  });
  for (const change of ["joined", "lost", "stopped"] as const) watch.emit(change, {});

  const server = await startServer();
  const socket = new WebSocketManager(server.url, {
    name: "prices",
    WebSocket: ws.WebSocket,
    reconnect: { delay: "1ms", spread: 0 },
  });
  await socket.connect();
  const message = new Promise((resolve) => socket.on("message", resolve));
  for (const peer of server.wss.clients) peer.send("secret message");
  await message;
  const unsent = new WebSocketManager(server.url, { name: "prices", WebSocket: ws.WebSocket });
  const waiting = Promise.allSettled([unsent.connect(), unsent.send("secret message")]);
  await unsent.close();
  await waiting;
  const gap = new Promise((resolve) => socket.on("gap", resolve));
  for (const peer of server.wss.clients) peer.terminate();
  await gap;
  const end = (): Promise<unknown> => Promise.all([socket.close(), server[Symbol.asyncDispose]()]);
  return { components: [trigger, alerts, socket], end };
}

/** Components of all kinds that need no server of their own, each after what it can do. */
export interface World extends AsyncDisposable {
  readonly components: readonly Component[];
}

/** Makes components of all kinds and lets each do something. Names may be published; anything with "secret" in it may not. */
export async function everyComponent(): Promise<World> {
  const clock = new ManualClock();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "telemetry-"));
  const policies = await callPolicies(clock);
  const client = await callServer(clock);
  const services = await runServices(clock, folder);
  const apart = await runApart(clock);
  return {
    components: [...policies, client, ...services, ...apart.components],
    async [Symbol.asyncDispose]() {
      await (services[0] as Heartbeat).stop();
      await apart.end();
      fs.rmSync(folder, { recursive: true });
    },
  };
}
