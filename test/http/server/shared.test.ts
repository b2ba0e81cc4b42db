import http from "node:http";
import { serve as serveHono } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { rateLimit as plugin } from "../../../src/fastify/index.js";
import { rateLimit as middleware } from "../../../src/hono/index.js";
import { rateLimit, type RequestLimiter } from "../../../src/http/index.js";
import { SharedKeyedRateLimiter, type SharedKeyedRateLimiterOptions } from "../../../src/redis/index.js";
import { connect } from "../../redis/clients.js";
import { hasRedis, startServer } from "../../redis/servers/servers.js";
import { serve } from "../client/servers.js";
import { listening } from "./listening.js";

/** What is told by the one option that is different in memory and on a server. */
type Where = { limits: readonly [{ name: string; rate: number; per: string }] } | { limiter: RequestLimiter };

const frameworks: [string, (where: Where) => Promise<string>][] = [
  [
    "Express",
    (where) => {
      const app = express();
      app.use(rateLimit(where as Parameters<typeof rateLimit>[0]));
      app.get("/", (_request, response) => void response.send("hello"));
      return listening(http.createServer(app));
    },
  ],
  [
    "Fastify",
    async (where) => {
      const app = fastify({ forceCloseConnections: true });
      await app.register(plugin, where as Parameters<typeof plugin>[1]);
      app.get("/", () => "hello");
      onTestFinished(() => app.close());
      return app.listen({ port: 0, host: "127.0.0.1" });
    },
  ],
  [
    "Hono",
    (where) => {
      const app = new Hono();
      app.use(middleware(where as Parameters<typeof middleware>[0]));
      app.get("/", (context) => context.text("hello"));
      return listening(serveHono({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }));
    },
  ],
];

async function ask(url: string): Promise<readonly [number, string | undefined]> {
  const response = await fetch(url);
  await response.text();
  return [response.status, response.headers.get("ratelimit")?.replace(/t=\d+/, "t=")];
}

describe.skipIf(!hasRedis)("rateLimit with a limiter on a Redis server", () => {
  test("limits the clients of two servers together, settles, and tells what is left", async () => {
    const redis = await startServer();
    const servers = await Promise.all(
      [1, 2].map(async () => {
        const client = await connect("redis 6", redis.port);
        const limiter = new SharedKeyedRateLimiter({
          client,
          name: "clients",
          rate: 10,
          per: "1h",
          onStoreError: "closed",
          storeTimeout: 10,
        });
        onTestFinished(() => limiter.close());
        const limit = rateLimit<http.IncomingMessage>({ limiter, cost: () => 4, settle: () => 3 });
        const server = await serve((request, response) => limit(request, response, () => response.end("ok")));
        onTestFinished(() => server[Symbol.asyncDispose]());
        return server;
      }),
    );
    const [one = "", two = ""] = servers.map(({ url }) => url);
    expect(await ask(one)).toEqual([200, '"clients";r=1;t=']);
    // 3 of 4 were used, 10 - 3 - 4 = 3 are left.
    expect(await ask(two)).toEqual([200, '"clients";r=0;t=']);
    await expect.poll(() => ask(one)).toEqual([200, '"clients";r=0;t=']);
    await expect.poll(() => ask(two)).toEqual([429, '"clients";r=0;t=']);
  });

  async function limiterOn(
    port: number,
    options: Omit<SharedKeyedRateLimiterOptions, "client">,
  ): Promise<SharedKeyedRateLimiter> {
    const client = await connect("redis 6", port);
    const limiter = new SharedKeyedRateLimiter({
      client,
      onStoreError: "closed",
      storeTimeout: 10,
      ...options,
    });
    onTestFinished(() => limiter.close());
    return limiter;
  }

  test.each(frameworks)("takes one option to be shared by processes under %s", async (_name, application) => {
    const redis = await startServer();
    const limit = { name: "clients", rate: 3, per: "1h" } as const;
    const alone = [await application({ limits: [limit] }), await application({ limits: [limit] })];
    const together = [
      await application({ limiter: await limiterOn(redis.port, limit) }),
      await application({ limiter: await limiterOn(redis.port, limit) }),
    ];
    const statuses = async ([one = "", two = ""]: readonly string[]): Promise<unknown> => {
      const found: number[] = [];
      for (const url of [one, one, two, two, two]) found.push((await ask(url))[0]);
      return found;
    };
    expect(await statuses(alone)).toEqual([200, 200, 200, 200, 200]);
    expect(await statuses(together)).toEqual([200, 200, 200, 429, 429]);
    expect(await ask(together[0] ?? "")).toEqual([429, '"clients";r=0;t=']);
  });

  test("refuses a client that any process has blocked until it is reset, by two questions a request", async () => {
    const redis = await startServer();
    const [limiter, other] = [
      await limiterOn(redis.port, { name: "clients", rate: 3, per: "1h" }),
      await limiterOn(redis.port, { name: "clients", rate: 3, per: "1h" }),
    ];
    const tokens = vi.spyOn(limiter, "tokens");
    const limit = rateLimit<http.IncomingMessage>({ limiter, key: () => "one" });
    const server = await serve((request, response) => limit(request, response, () => response.end("ok")));
    onTestFinished(() => server[Symbol.asyncDispose]());
    expect(await ask(server.url)).toEqual([200, '"clients";r=2;t=']);
    await other.block("one", "15m");
    const refused = await fetch(server.url);
    await refused.text();
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(600);
    await other.reset("one");
    // What it was told is believed for a second.
    await expect.poll(() => ask(server.url)).toEqual([200, '"clients";r=2;t=']);
    expect(tokens).not.toHaveBeenCalled();
  });

  test("takes from none of several tiers what one refuses, and tells no more than all of them have", async () => {
    const redis = await startServer();
    const tiers = [
      { rate: 100, per: "1000h" },
      { rate: 3, per: "30m" },
    ] as const;
    const limiter = await limiterOn(redis.port, { name: "tiers", tiers });
    const limit = rateLimit<http.IncomingMessage>({ limiter, key: () => "one" });
    const server = await serve((request, response) => limit(request, response, () => response.end("ok")));
    onTestFinished(() => server[Symbol.asyncDispose]());
    const answers: unknown[] = [];
    for (let at = 0; at < 6; at++) answers.push(await ask(server.url));
    expect(answers).toEqual([
      [200, '"tiers";r=2;t='],
      [200, '"tiers";r=1;t='],
      [200, '"tiers";r=0;t='],
      [429, '"tiers";r=0;t='],
      [429, '"tiers";r=0;t='],
      [429, '"tiers";r=0;t='],
    ]);
    // What the second refused, the first still has: 97 of 100.
    const first = await limiterOn(redis.port, { name: "tiers", tiers: [{ rate: 100, per: "1000h" }] });
    expect(await first.timeUntilToken("one", 97)).toBe(0);
    expect(await first.timeUntilToken("one", 98)).toBeGreaterThan(0);
  });
});
