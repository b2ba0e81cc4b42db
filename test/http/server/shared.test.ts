import http from "node:http";
import { describe, expect, onTestFinished, test } from "vitest";
import { rateLimit } from "../../../src/http/index.js";
import { SharedKeyedRateLimiter } from "../../../src/redis/rate-limiter/shared-keyed-rate-limiter.js";
import { connect } from "../../redis/clients.js";
import { hasRedis, startServer } from "../../redis/servers/servers.js";
import { serve } from "../client/servers.js";

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
    const ask = async (url: string): Promise<unknown> => {
      const { status, headers } = await fetch(url);
      return [status, headers.get("ratelimit")?.replace(/t=\d+/, "t=")];
    };
    expect(await ask(one)).toEqual([200, '"clients";r=1;t=']);
    // 3 of 4 were used, 10 - 3 - 4 = 3 are left.
    expect(await ask(two)).toEqual([200, '"clients";r=0;t=']);
    await expect.poll(() => ask(one)).toEqual([200, '"clients";r=0;t=']);
    await expect.poll(() => ask(two)).toEqual([429, '"clients";r=0;t=']);
  });
});
