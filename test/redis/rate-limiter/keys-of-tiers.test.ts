import { Cluster, Redis } from "ioredis";
import { afterAll, describe, expect, expectTypeOf, onTestFinished, test } from "vitest";
import { SharedKeyedRateLimiter } from "../../../src/redis/rate-limiter/shared-keyed-rate-limiter.js";
import { SharedRateLimiter } from "../../../src/redis/rate-limiter/shared-rate-limiter.js";
import { hasRedis, startCluster } from "../servers/servers.js";
import { key, type Limiter, make, type Names, setUp } from "./tiers-of-users.js";

describe.skipIf(!hasRedis)("tiers over different keys", () => {
  test("are taken from all together or not at all", async () => {
    const { limiter, server } = await setUp(2, 3);
    expect(await limiter.tryAcquire(key("a"))).toBe(true);
    expect(await limiter.tryAcquire(key("a"))).toBe(true);
    // The user has none left, so that the tenant keeps its last one.
    expect(await limiter.tryAcquire(key("a"))).toBe(false);
    expect(await limiter.tryAcquire(key("b"))).toBe(true);
    // The tenant has none left, so that the user keeps one for another tenant.
    expect(await limiter.tryAcquire(key("b"))).toBe(false);
    expect(await limiter.tryAcquire(key("b", "t2"))).toBe(true);
    expect(await limiter.tryAcquire(key("b", "t2"))).toBe(false);
    expect(await server.command("DBSIZE")).toBe(4);
  });

  test("serve users of one tenant in the order of their calls, by one round trip a tick", async () => {
    const { limiter } = await setUp(2, 5);
    const users = ["a", "b", "c", "d"];
    const granted = await Promise.all([...users, ...users].map((user) => limiter.tryAcquire(key(user))));
    expect(granted.filter(Boolean)).toHaveLength(5);
    expect(limiter.stats).toMatchObject({ totalAcquired: 5, totalRejected: 3, totalCalls: 1 });
  });

  test("remember a refusal for these keys only", async () => {
    const { limiter } = await setUp(1, 2);
    await limiter.tryAcquire(key("a"));
    await limiter.tryAcquire(key("a"));
    const { totalCalls } = limiter.stats;
    expect(await limiter.tryAcquire(key("a"))).toBe(false);
    expect(limiter.stats.totalCalls).toBe(totalCalls);
    expect(await limiter.tryAcquire(key("b"))).toBe(true);
    expect(limiter.stats.totalCalls).toBe(totalCalls + 1);
  });

  test.each([1, 2, 3])("hold every limit for random users of random tenants (seed %i)", async (seed) => {
    const { limiter, client } = await setUp(3, 7);
    const limiters = [limiter, make(client, 3, 7)];
    let state = seed;
    const draw = (count: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * count);
    };
    const taken = new Map<string, number>();
    const add = (bucket: string): void => void taken.set(bucket, (taken.get(bucket) ?? 0) + 1);
    for (let tick = 0; tick < 20; tick++) {
      const calls = Array.from({ length: draw(15) }, async () => {
        const [user, tenant] = [`u${draw(9)}`, `t${draw(4)}`];
        if (!(await limiters[draw(2)]?.tryAcquire(key(user, tenant)))) return;
        add(user);
        add(tenant);
      });
      await Promise.all(calls);
    }
    for (const [bucket, count] of taken) expect(count).toBeLessThanOrEqual(bucket.startsWith("u") ? 3 : 7);
    // All that is left is what one of both buckets refuses.
    for (let user = 0; user < 9; user++) {
      for (let tenant = 0; tenant < 4; tenant++) {
        const [ofUser, ofTenant] = [taken.get(`u${user}`) ?? 0, taken.get(`t${tenant}`) ?? 0];
        const isThere = (await limiter.timeUntilToken(key(`u${user}`, `t${tenant}`))) === 0;
        expect([user, tenant, isThere]).toEqual([user, tenant, ofUser < 3 && ofTenant < 7]);
      }
    }
  });

  test("tell keys apart whatever they are", async () => {
    const { limiter } = await setUp(1, 1);
    const odd = ["", ":", '"', '","', "a:b", "{}", "\0", "x".repeat(5000)];
    for (const [at, user] of odd.entries()) {
      expect([user, await limiter.tryAcquire({ user, tenant: `${at}` })]).toEqual([user, true]);
      expect([user, await limiter.tryAcquire({ tenant: `other ${at}`, user })]).toEqual([user, false]);
    }
  });

  test("give back to all, and run, wait and reserve for them", async () => {
    const { limiter } = await setUp(1, 2);
    const reservation = await limiter.reserve(key("a"));
    expect(await limiter.timeUntilToken(key("a"))).toBeGreaterThan(3000);
    reservation.cancel();
    await expect.poll(() => limiter.tryAcquire(key("a"))).toBe(true);
    expect(await limiter.execute(key("b"), () => 7)).toBe(7);
    await expect(limiter.acquire(key("c"), { timeout: 1 })).rejects.toThrow("not enough tokens");
    const call = limiter.wrap((user: string) => user, { key: (user) => key(user, "t2") });
    expect(await call("d")).toBe("d");
    const wrong = limiter.wrap((user: string) => user, { key: () => "d" as never });
    await expect(wrong("d")).rejects.toThrow("key must be an object");
  });

  test("wait until the tenant has a token, whichever user asked", async () => {
    const { client } = await setUp(1, 1);
    const tiers = [
      { by: "user", rate: 1000 },
      { by: "tenant", rate: 50, burst: 1 },
    ] as const;
    const limiter = make(client, 1, 1, { name: "waiting", tiers });
    const work = Array.from({ length: 10 }, (_, user) => limiter.acquire(key(`${user}`)));
    await Promise.all(work);
    expect(limiter.stats).toMatchObject({ totalAcquired: 10, queued: 0 });
  });

  test("pause the buckets of the names that are given, in all processes", async () => {
    const { limiter, client } = await setUp(9, 9);
    const other = make(client, 9, 9);
    expect(await limiter.pauseFor({ tenant: "t1" }, "1h")).toBe(true);
    for (const one of [limiter, other]) {
      expect(await one.tryAcquire(key("a"))).toBe(false);
      expect(await one.tryAcquire(key("b"))).toBe(false);
      expect(await one.tryAcquire(key("a", "t2"))).toBe(true);
    }
    await limiter.pauseFor(key("a", "t3"), "1h");
    expect(await other.tryAcquire(key("a", "t2"))).toBe(false);
    expect(await other.tryAcquire(key("b", "t3"))).toBe(false);
    expect(await other.tryAcquire(key("b", "t2"))).toBe(true);
  });

  test("pause who waits for one of them, and nobody else", async () => {
    const { limiter } = await setUp(1, 2);
    const waiting = ["a", "b"].map(async (user) => {
      await limiter.tryAcquire(key(user));
      return limiter.acquire(key(user), { timeout: "3h" });
    });
    const other = limiter.acquire(key("c", "t2"), { timeout: "3h" });
    await expect.poll(() => limiter.stats.queued).toBe(2);
    await other;
    const refused = Promise.all(waiting.map((one) => expect(one).rejects.toThrow("retry after 36000 s")));
    await limiter.pauseFor({ tenant: "t1" }, "10h");
    await refused;
    expect(await limiter.tryAcquire(key("d", "t2"))).toBe(true);
  });

  test("can be several of one name", async () => {
    const { client } = await setUp(1, 1);
    const tiers = [
      { by: "user", rate: 2, per: "1h" },
      { by: "user", rate: 3, per: "2h" },
      { by: "tenant", rate: 3, per: "1h" },
    ] as const;
    const limiter = make(client, 1, 1, { name: "three", tiers });
    const granted = ["a", "a", "a", "b", "b"].map((user) => limiter.tryAcquire(key(user)));
    expect(await Promise.all(granted)).toEqual([true, true, false, true, false]);
  });

  test("take ahead from all of them", async () => {
    const { client } = await setUp(1, 1);
    const limiter = make(client, 8, 10, { name: "leased", lease: { tokens: 4, maxAge: "1h" } });
    const users = ["a", "b", "c", "a", "b", "c", "a", "b", "c", "a", "b", "c"];
    let admitted = 0;
    for (const user of users) if (await limiter.tryAcquire(key(user))) admitted++;
    expect(admitted).toBeLessThanOrEqual(10);
    await limiter.close();
    const after = make(client, 8, 10, { name: "leased" });
    let left = 0;
    while (await after.tryAcquire(key(`new ${left}`))) left++;
    expect(admitted + left).toBeLessThanOrEqual(10);
  });

  test("tell the keys in the events", async () => {
    const { limiter } = await setUp(1, 1);
    const told: object[] = [];
    using _acquired = limiter.on("acquired", (event) => told.push(event.key));
    using _rejected = limiter.on("rejected", (event) => told.push(event.key));
    await limiter.tryAcquire(key("a"));
    await limiter.tryAcquire(key("b"));
    expect(told).toEqual([key("a"), key("b")]);
  });

  test("are in one slot of a cluster, and ask together there", async () => {
    const { nodes } = await startCluster();
    const client = new Cluster(nodes.map(({ port }) => ({ host: "127.0.0.1", port })));
    onTestFinished(() => client.disconnect());
    const limiter = make(client, 2, 20);
    const keys = Array.from({ length: 30 }, (_, at) => key(`u${at % 15}`, `t${at % 2}`));
    const granted = await Promise.all([...keys, ...keys].map((one) => limiter.tryAcquire(one)));
    expect(granted.filter(Boolean)).toHaveLength(30);
    expect(limiter.stats.totalCalls).toBeLessThanOrEqual(4);
    const [first = key("u0", "t0")] = keys;
    expect(await limiter.block(first, "1h")).toBe(true);
    expect(await limiter.reset(first)).toBe(true);
    expect(await limiter.giveBack(key("u1"))).toBe(true);
    expect(await limiter.tokens(first)).toBe(2);
  });
});

describe("keys of tiers that are wrong", () => {
  // It never connects.
  const client = new Redis({ lazyConnect: true });
  afterAll(() => client.disconnect());
  const offline = (own: object = {}): Limiter => make(client, 1, 1, own);

  test.each([
    ["u7", 'key must be an object with each of user, tenant; got "u7".'],
    [undefined, "key must be an object with each of user, tenant; got undefined."],
    [null, "key must be an object with each of user, tenant; got null."],
    [["u7"], "key must be an object with each of user, tenant; got an array."],
    [{}, "key.user must be a string; got undefined."],
    [{ user: "u7" }, "key.tenant must be a string; got undefined."],
    [{ user: 7, tenant: "t1" }, "key.user must be a string; got 7."],
    [
      { user: "u7", tenant: "t1", team: "x" },
      'key must be an object with each of user, tenant; it has "team".',
    ],
  ])("%o rejects", async (wrong, message) => {
    const limiter = offline();
    await expect(limiter.tryAcquire(wrong as never)).rejects.toThrow(new TypeError(message));
    await expect(limiter.acquire(wrong as never)).rejects.toThrow(message);
    await expect(limiter.reserve(wrong as never)).rejects.toThrow(message);
    await expect(limiter.execute(wrong as never, () => 1)).rejects.toThrow(message);
    await expect(limiter.timeUntilToken(wrong as never)).rejects.toThrow(message);
  });

  test("of a pause name what is allowed", async () => {
    const limiter = offline();
    await expect(limiter.pauseFor({}, 1)).rejects.toThrow("one or more of user, tenant; it has none.");
    await expect(limiter.pauseFor({ team: "x" } as never, 1)).rejects.toThrow(
      'key must be an object with one or more of user, tenant; it has "team".',
    );
    await expect(limiter.block({}, 1)).rejects.toThrow("one or more of user, tenant; it has none.");
    await expect(limiter.reset({})).rejects.toThrow("one or more of user, tenant; it has none.");
    await expect(limiter.reset(undefined as never)).rejects.toThrow("one or more of user, tenant");
    await expect(limiter.tokens({ user: "a" } as never)).rejects.toThrow("key.tenant must be a string");
    await expect(limiter.giveBack({ user: "a" } as never)).rejects.toThrow("key.tenant must be a string");
    await expect(limiter.pauseFor({ user: 7 } as never, 1)).rejects.toThrow(
      "key.user must be a string; got 7.",
    );
  });

  test.each([
    [{ tiers: [{ by: "user" }, { rate: 1 }] }, "tiers must all have by, or none of them"],
    [{ tiers: [{ by: "" }] }, "by must be a non-empty string"],
    [{ tiers: [{ by: 7 }] }, "by must be a non-empty string; got 7."],
    [{ onStoreError: "local" }, 'onStoreError must be "open" or "closed" where tiers have by; got "local".'],
  ])("%o is refused by the constructor", (own, message) => {
    expect(() => offline(own)).toThrow(message);
  });

  test("are none of a limiter that has no keys", () => {
    const tiers = [{ by: "user", rate: 1 }];
    expect(() => new SharedRateLimiter({ client, name: "one", tiers })).toThrow(/\bby\b/);
  });

  test("are found by the compiler", () => {
    const limiter = new SharedKeyedRateLimiter({
      client,
      name: "typed",
      tiers: [
        { by: "user", rate: 10 },
        { by: "tenant", rate: 100 },
      ],
    });
    expectTypeOf(limiter).toEqualTypeOf<Limiter>();
    expectTypeOf<(typeof limiter)["tryAcquire"]>()
      .parameter(0)
      .toEqualTypeOf<Readonly<Record<Names, string>>>();
    const plain = new SharedKeyedRateLimiter({ client, name: "plain", tiers: [{ rate: 1 }] });
    expectTypeOf<(typeof plain)["tryAcquire"]>().parameter(0).toEqualTypeOf<string>();
  });
});
