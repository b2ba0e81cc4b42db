import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { hasRedis, startServer } from "../servers/servers.js";
import { instance, open, outcome, until } from "./instances.js";

describe.skipIf(!hasRedis)("a question that the client sends again", () => {
  test("has the same answer: a half-open permit is not held by nobody for its lease", async () => {
    const server = await startServer();
    const client = new Redis(server.port);
    onTestFinished(() => client.disconnect());
    const evalsha = client.evalsha.bind(client) as (...args: unknown[]) => Promise<unknown>;
    Object.assign(client, {
      // As ioredis does with what was under way when the connection was lost.
      async evalsha(...args: unknown[]) {
        await evalsha(...args);
        return evalsha(...args);
      },
    });
    const options = { name: "api", client, resetTimeout: "20ms", lease: "10m", halfOpenMaxCalls: 1 } as const;
    const breaker = instance(server.port, options);
    await until(() => breaker.isShared);
    await open(breaker);
    await until(async () => (await outcome(breaker, () => 1)) === "success");
    await until(() => breaker.state === "closed");
    expect(breaker.isShared).toBe(true);
  });
});
