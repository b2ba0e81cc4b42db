import { describe, expect, test, vi } from "vitest";
import { limitRequest, type RequestLimiter } from "../../../src/http/index.js";
import { ItemWriter } from "../../../src/http/server/item-writer.js";
import { KeyedRateLimiter } from "../../../src/rate-limiter/keyed-rate-limiter.js";
import { ManualClock } from "../../../src/testing/manual-clock.js";

type Options = Parameters<typeof limitRequest>[0];

/** What responses tell: each request has a key and a cost. */
function asked(options: Partial<Options>) {
  const limit = limitRequest({
    key: ({ headers }: Request) => headers.get("key") ?? "",
    cost: ({ headers }: Request) => Number(headers.get("cost")),
    clock: new ManualClock(),
    ...options,
  });
  return async (cost = 1, key = ""): Promise<Readonly<Record<string, string>>> => {
    const request = new Request("http://localhost/", { headers: { key, cost: String(cost) } });
    const { refused, fields } = await limit(request);
    return { ...Object.fromEntries(fields), status: String(refused?.status ?? 200) };
  };
}

const own = (parts: Partial<Record<keyof RequestLimiter, unknown>>): RequestLimiter =>
  ({
    rate: 1,
    per: 1,
    burst: 1,
    tryAcquire: () => true,
    timeUntilToken: () => 0,
    ...parts,
  }) as RequestLimiter;

const burst = { name: "burst", rate: 3, per: 10 };
const hour = { name: "hour", rate: 4, per: 3600, burst: 8 };

describe("an item", () => {
  test("of nothing that is left tells a second at least; of more the time as it is, rounded up", () => {
    const item = new ItemWriter("a");
    expect([item.write(0, 0), item.write(5, 0), item.write(5, 0.2), item.write(5, Infinity)]).toEqual([
      '"a";r=0;t=1',
      '"a";r=5;t=0',
      '"a";r=5;t=1',
      '"a";r=5',
    ]);
  });
});

describe("several limits", () => {
  test("are told one after the other", async () => {
    expect(await asked({ limits: [burst, hour] })()).toEqual({
      status: "200",
      ratelimit: '"burst";r=2;t=4, "hour";r=7;t=900',
      "ratelimit-policy": '"burst";q=3;w=10, "hour";q=8;w=7200',
    });
  });

  test.each([[[burst, hour]], [[hour, burst]]])(
    "are in older forms the one of which least is left, and all policies",
    async (limits) => {
      const told = await asked({ limits, headers: "draft-7" })();
      expect(told["ratelimit"]).toBe("limit=3, remaining=2, reset=4");
      expect(told["ratelimit-policy"]?.split(", ").toSorted()).toEqual(["3;w=10", "8;w=7200"]);
    },
  );
});

describe("what requests that cost more are told", () => {
  test("is how many of them there are, also when one is refused", async () => {
    const ask = asked({ limits: [{ rate: 10, per: 3600 }], headers: "draft-7" });
    expect(await ask(4)).toMatchObject({ ratelimit: "limit=2, remaining=1, reset=1440" });
    expect(await ask(7)).toMatchObject({ status: "429", ratelimit: "limit=1, remaining=0, reset=360" });
    expect(await ask(0.5)).toMatchObject({ ratelimit: "limit=10, remaining=5, reset=1620" });
    const refused = await ask(5.75);
    expect(refused).toMatchObject({ status: "429", ratelimit: "limit=1, remaining=0, reset=90" });
  });

  test("is by a key's own tokens, where it has limits of its own", async () => {
    const limiter = new KeyedRateLimiter({
      rate: 10,
      per: "1h",
      clock: new ManualClock(),
      limits: { gold: { rate: 100 } },
    });
    const ask = asked({ limiter });
    await ask(95, "gold");
    expect((await ask(2, "gold"))["ratelimit"]).toMatch(/;r=1;/);
    expect((await ask(0.5, "gold"))["ratelimit"]).toMatch(/;r=2;/);
  });

  test("is, of those that cost nothing, what is there", async () => {
    for (const options of [
      { limits: [{ rate: 2, per: 3600 }] },
      { limiter: new KeyedRateLimiter({ name: "default", rate: 2, per: "1h", clock: new ManualClock() }) },
    ]) {
      const ask = asked(options);
      const told = [await ask(0), await ask(1), await ask(0), await ask(1), await ask(0), await ask(1)];
      expect(told.map(({ status, ratelimit }) => [status, ratelimit])).toEqual([
        ["200", '"default";r=2;t=0'],
        ["200", '"default";r=1;t=1800'],
        ["200", '"default";r=1;t=1800'],
        ["200", '"default";r=0;t=3600'],
        ["200", '"default";r=0;t=3600'],
        ["429", '"default";r=0;t=1800'],
      ]);
    }
  });
});

test("a partition stands in both fields", async () => {
  const told = await asked({ limits: [burst], pk: "a secret of sixteen or more" })(1, "one");
  expect(told["ratelimit"]).toMatch(/^"burst";r=2;t=4;pk=:[\w+/]{21,22}=*:$/);
  expect(told["ratelimit-policy"]).toMatch(/^"burst";q=3;w=10;pk=:[\w+/]{21,22}=*:$/);
});

describe("a limiter", () => {
  test("whose name has what a field cannot has question marks, and without a name is the default", async () => {
    expect((await asked({ limiter: own({ name: "a\r\nä" }) })())["ratelimit"]).toMatch(/^"a\?\?\?";/);
    expect((await asked({ limiter: own({ name: 7 }) })())["ratelimit"]).toMatch(/^"default";/);
  });

  test("tells by the time until it is full what is left", async () => {
    const limiter = own({ rate: 2, per: 10, burst: 4, timeUntilToken: () => 5 });
    expect(await asked({ limiter })()).toEqual({
      status: "200",
      ratelimit: '"default";r=3;t=5',
      "ratelimit-policy": '"default";q=4;w=20',
    });
  });

  test("that cannot tell, or has no limit, has no fields", async () => {
    const timeUntilToken = (): never => {
      throw new Error("nobody knows");
    };
    expect(await asked({ limiter: own({ timeUntilToken }) })()).toEqual({ status: "200" });
    expect(await asked({ limiter: own({ burst: Infinity }) })()).toEqual({ status: "200" });
  });

  test("that gets nothing back has a policy without a window", async () => {
    const limiter = () =>
      new KeyedRateLimiter({ name: "default", rate: 0, burst: 3, clock: new ManualClock() });
    expect((await asked({ limiter: limiter() })())["ratelimit-policy"]).toBe('"default";q=3');
    const older = await asked({ limiter: limiter(), headers: "draft-7" })();
    expect(older["ratelimit-policy"]).toBe("3");
  });

  test.each([
    [{ rate: 20 }, '"default";q=20;w=3600'],
    [{ rate: 10, per: 60 }, '"default";q=10;w=60'],
    [{ rate: 10, burst: 5 }, '"default";q=5;w=1800'],
  ])("that changes by %j has another policy", async (update, policy) => {
    const limiter = new KeyedRateLimiter({ name: "default", rate: 10, per: 3600, clock: new ManualClock() });
    const ask = asked({ limiter });
    expect((await ask())["ratelimit-policy"]).toBe('"default";q=10;w=3600');
    limiter.update(update);
    expect((await ask())["ratelimit-policy"]).toBe(policy);
  });
});

describe("a limiter from which is reserved what is settled", () => {
  const reserving = (reserve: () => unknown) =>
    asked({ limiter: own({ reserve }), settle: () => 0, onStoreError: "closed" });

  test.each([
    [{ code: "ERR_RATE_LIMIT_EXCEEDED", retryAfter: 7 }, "429", "7"],
    [{ code: "ERR_RATE_LIMIT_EXCEEDED", retryAfter: "soon" }, "429", undefined],
    [{ code: "ERR_RATE_LIMIT_COST", retryAfter: 7 }, "429", undefined],
    [{ code: "ERR_RATE_LIMIT_CLOSED", retryAfter: 7 }, "503", "1"],
  ])("that throws %j is answered with %s", async (properties, status, after) => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const told = await reserving(() => Promise.reject(Object.assign(new Error("no"), properties)))();
    warn.mockRestore();
    expect([told["status"], told["retry-after"]]).toEqual([status, after]);
  });

  test("is told what was used; without settle nothing is reserved", async () => {
    const used: unknown[] = [];
    const reserved: unknown[] = [];
    const limiter = own({
      reserve: (...given: unknown[]) => {
        reserved.push(given);
        return { commit: (tokens: unknown) => used.push(tokens) };
      },
    });
    const request = new Request("http://localhost/");
    (await limitRequest({ limiter, key: () => "k" })(request)).settle(3);
    expect([reserved, used]).toEqual([[], []]);
    (await limitRequest({ limiter, key: () => "k", settle: () => 0 })(request)).settle(3);
    expect([reserved, used]).toEqual([[["k", 1, { timeout: 0 }]], [3]]);
  });
});

test("the time of one client is not told to another of which as much is left", async () => {
  const clock = new ManualClock();
  const ask = asked({ limits: [{ rate: 1, per: 3600, burst: 2 }], clock });
  for (const key of ["one", "other"]) await ask(1, key);
  await clock.advance(256);
  expect((await ask(1, "one"))["ratelimit"]).toBe('"default";r=0;t=6944');
  await clock.advance(256);
  expect((await ask(1, "other"))["ratelimit"]).toBe('"default";r=0;t=6688');
});
