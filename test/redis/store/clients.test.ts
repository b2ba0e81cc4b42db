import { describe, expect, test, vi } from "vitest";
import { realClock } from "../../../src/kernel/clock.js";
import { storeClient } from "../../../src/redis/store/client.js";
import { Script } from "../../../src/redis/store/script.js";
import { Store } from "../../../src/redis/store/store.js";
import { StoreError } from "../../../src/redis/store/store-error.js";
import { clientNames, connect } from "../clients.js";
import { hasRedis, startServer } from "../servers/servers.js";

const COUNT = new Script("return redis.call('INCRBY', KEYS[1], ARGV[1])");

const storeOf = (client: object, storeTimeout: number = 2000): Store =>
  new Store(storeClient(client), { storeTimeout, clock: realClock });

describe.skipIf(!hasRedis).each(clientNames)("the store by %s", (name) => {
  test("runs scripts that the server does not know, also when it forgets them with many in flight", async () => {
    const server = await startServer();
    using store = storeOf(await connect(name, server.port), 10_000);
    for (let round = 0; round < 5; round++) {
      const half = Array.from({ length: 32 }, () => store.run(COUNT, ["n"], [1]));
      const flushed = server.command("SCRIPT", "FLUSH");
      const rest = Array.from({ length: 32 }, () => store.run(COUNT, ["n"], ["1"]));
      await Promise.all([...half, flushed, ...rest]);
    }
    expect(await server.command("GET", "n")).toBe("320");
  });

  test("tells what the server says as a StoreError, and stays up", async () => {
    const server = await startServer();
    using store = storeOf(await connect(name, server.port));
    await server.command("LPUSH", "list", "x");
    const error: unknown = await store.run(COUNT, ["list"], [1]).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StoreError);
    expect(error).toMatchObject({ code: "ERR_STORE", refused: true });
    expect(String(error)).toContain("WRONGTYPE");
    expect(store.isUp).toBe(true);
    expect(await store.run(COUNT, ["n"], [1])).toBe(1);
  });

  test("fails within its time while the server is frozen, at once from then on, and goes on when it is back", async () => {
    const server = await startServer();
    using store = storeOf(await connect(name, server.port), 200);
    const told: string[] = [];
    using _down = store.on("down", () => told.push("down"));
    using _up = store.on("up", () => told.push("up"));
    expect(await store.run(COUNT, ["n"], [1])).toBe(1);
    server.freeze();
    const late = vi.fn<(reply: unknown) => void>();
    const calls = [1, 2].map(() => store.run(COUNT, ["n"], [1], late));
    const errors = await Promise.allSettled(calls);
    expect(errors.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(store.isUp).toBe(false);
    await expect(store.run(COUNT, ["n"], [1])).rejects.toThrow(StoreError);
    expect(told).toEqual(["down"]);
    server.thaw();
    await vi.waitFor(() => expect(store.isUp).toBe(true), 60_000);
    expect(told).toEqual(["down", "up"]);
    expect(late.mock.calls).toEqual([[2], [3]]);
    expect(await store.run(COUNT, ["n"], [1])).toBe(4);
  });

  test("asks nothing of a server that is gone, and goes on with an empty one", async () => {
    const server = await startServer();
    using store = storeOf(await connect(name, server.port));
    expect(await store.run(COUNT, ["n"], [1])).toBe(1);
    await server.kill9();
    await vi.waitFor(() => expect(store.run(COUNT, ["n"], [1])).rejects.toThrow(StoreError), 60_000);
    expect(store.isUp).toBe(false);
    await server.restart();
    await vi.waitFor(() => expect(store.isUp).toBe(true), 60_000);
    expect(await store.run(COUNT, ["anew"], [1])).toBe(1);
  });

  test("goes on after its connection was cut", async () => {
    const server = await startServer();
    using store = storeOf(await connect(name, server.port), 5000);
    expect(await store.run(COUNT, ["n"], [1])).toBe(1);
    await server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    await vi.waitFor(() => expect(store.run(COUNT, ["m"], [1])).resolves.toBeTypeOf("number"), 60_000);
  });
});

describe.skipIf(!hasRedis).each(clientNames.filter((name) => name !== "valkey-glide"))(
  "a subscription by %s",
  (name) => {
    test("has a connection of its own, tells when it was lost, and leaves none", async () => {
      const server = await startServer();
      const client = storeClient(await connect(name, server.port));
      const told: string[] = [];
      const subscription = await client.subscribe("news", {
        message: (text) => told.push(text),
        lost: () => told.push("lost"),
        restored: () => told.push("restored"),
      });
      await server.command("PUBLISH", "news", "one");
      await vi.waitFor(() => expect(told).toEqual(["one"]), 60_000);
      await server.command("CLIENT", "KILL", "TYPE", "pubsub");
      await vi.waitFor(() => expect(told).toEqual(["one", "lost", "restored"]), 60_000);
      await server.command("PUBLISH", "news", "two");
      await vi.waitFor(() => expect(told.at(-1)).toBe("two"), 60_000);
      await subscription[Symbol.asyncDispose]();
      await vi.waitFor(
        async () => expect(await server.command("PUBSUB", "NUMSUB", "news")).toEqual(["news", 0]),
        10_000,
      );
      expect(told).toEqual(["one", "lost", "restored", "two"]);
    });

    test("rejects when there is no server, and tries no longer", async () => {
      const server = await startServer();
      const client = storeClient(await connect(name, server.port));
      await server.kill9();
      await expect(client.subscribe("news", { message: () => {} })).rejects.toThrow(/./);
      await server.restart();
      await vi.waitFor(() => expect(client.isReady).toBe(true), 60_000);
      expect(await server.command("PUBSUB", "NUMSUB", "news")).toEqual(["news", 0]);
    });
  },
);

describe("a client that is none", () => {
  test.each([undefined, null, {}, "redis://localhost", 6379, () => {}])("%s is refused", (client) => {
    expect(() => storeClient(client)).toThrow(
      /^client must be a client of redis \(4 or newer\), ioredis, iovalkey or @valkey\/valkey-glide; got /,
    );
  });
});
