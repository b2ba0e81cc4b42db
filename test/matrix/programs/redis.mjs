// `redis.mjs <ioredis|redis> <port>`: shares a limit, a circuit and a heartbeat with others, goes on alone while the server
// stands still, and ends by itself when all is closed.
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Heartbeat } from "@kstlib/resilience";
import {
  HeartbeatRegistry,
  RedisHeartbeatSink,
  SharedCircuitBreaker,
  SharedRateLimiter,
} from "@kstlib/resilience/redis";
import { say, sayWarnings } from "./say.mjs";

const [, , kind, port] = process.argv;
sayWarnings();

const clients = {
  async ioredis() {
    const { Redis } = await import("ioredis");
    const client = new Redis(Number(port));
    client.on("error", () => {});
    return { client, end: () => client.disconnect() };
  },
  async redis() {
    const { createClient } = await import("redis");
    const client = createClient({ url: `redis://127.0.0.1:${port}` });
    client.on("error", () => {});
    await client.connect();
    return { client, end: () => client.destroy() };
  },
};
const { client, end } = await clients[kind]();

const shared = { client, name: "api", storeTimeout: "500ms" };
const limiter = new SharedRateLimiter({ ...shared, rate: 1, per: "1h", burst: 3, onStoreError: "closed" });
const [breaker, other] = [0, 1].map(
  () => new SharedCircuitBreaker({ ...shared, maxFailures: 2, maxAge: "300ms" }),
);
const heartbeat = new Heartbeat({
  name: "program",
  sinks: [new RedisHeartbeatSink({ client, service: "api" })],
});
const registry = new HeartbeatRegistry({ client, service: "api" });

// Of this one the instance knows no refusal, which it could repeat without the server.
const plenty = new SharedRateLimiter({ ...shared, name: "plenty", rate: 1000, onStoreError: "closed" });

const taken = [];
for (let call = 0; call < 4; call++) taken.push(await limiter.tryAcquire());
for (const each of [breaker, other]) await each.call(() => 1);
for (let call = 0; call < 2; call++)
  await breaker.call(() => Promise.reject(new Error("down"))).catch(() => {});
while (other.state !== "open") await sleep(10);
heartbeat.start();
let beating = await registry.list();
while (beating.length === 0) beating = await registry.list();
say("shared", { taken, states: [breaker.state, other.state], beating: beating.map(({ status }) => status) });

// The judge stops the server.
await once(process.stdin.resume(), "end");
const alone = await plenty.tryAcquire().catch(({ code }) => code);
while (breaker.isShared) await sleep(10);
say("alone", { alone, state: breaker.state });

while (
  !(await plenty.tryAcquire().then(
    () => true,
    () => false,
  ))
)
  await sleep(10);
while (!breaker.isShared || !other.isShared) await sleep(10);
await breaker.reset();
while (other.state !== "closed") await sleep(10);
say("again", { states: [breaker.state, other.state] });

await heartbeat.stop();
await Promise.all([breaker.close(), other.close()]);
registry[Symbol.dispose]();
await Promise.all([limiter.close(), plenty.close()]);
end();
