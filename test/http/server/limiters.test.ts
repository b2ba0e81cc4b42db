import { subscribe, unsubscribe } from "node:diagnostics_channel";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { limitRequest, type RequestLimiter } from "../../../src/http/index.js";
import { KeyedRateLimiter } from "../../../src/rate-limiter/keyed-rate-limiter.js";
import { ManualClock } from "../../../src/testing/manual-clock.js";

/** Status and field of a request. */
async function ask(
  limit: ReturnType<typeof limitRequest>,
  key = "",
  cost = 1,
): Promise<readonly [number, string | undefined, string | undefined]> {
  const request = new Request("http://localhost/", { headers: { key, cost: String(cost) } });
  const { refused, fields } = await limit(request);
  const told = new Map(fields);
  return [refused?.status ?? 200, told.get("ratelimit"), told.get("retry-after")];
}

const given = {
  key: ({ headers }: Request) => headers.get("key") ?? "",
  cost: ({ headers }: Request) => Number(headers.get("cost")),
};

test.each([
  ["at once", (key: string | undefined) => key],
  ["later", async (key: string | undefined) => key],
])(
  "a request without a key counts by its address, also with proxies; its key is known %s",
  async (_, tell) => {
    const key = ({ headers }: Request) => tell(headers.get("x-api-key") ?? undefined);
    const limit = limitRequest({ limits: [{ rate: 1, per: "1h" }], key, trustProxy: 1 });
    const status = async (headers: Record<string, string>): Promise<number> => {
      const { refused } = await limit(new Request("http://localhost/", { headers }), {
        address: "192.0.2.9",
      });
      return refused?.status ?? 200;
    };
    const from = (address: string) => ({ "x-forwarded-for": address });
    expect(await status(from("2001:db8:1:2::1"))).toBe(200);
    expect(await status(from("2001:db8:1:2:ffff::9"))).toBe(429); // the same /64
    expect(await status(from("198.51.100.7"))).toBe(200);
    expect(await status({ ...from("198.51.100.7"), "x-api-key": "ann" })).toBe(200);
    expect(await status({ ...from("203.0.113.8"), "x-api-key": "ann" })).toBe(429);
  },
);

test("with several limits, each that refuses tells so, and no other", async () => {
  const told: unknown[] = [];
  const hear = (message: unknown) => told.push((message as { name: string }).name);
  const channel = "kstlib.resilience.keyed-rate-limiter.rejected";
  subscribe(channel, hear);
  onTestFinished(() => void unsubscribe(channel, hear));
  const limits = [
    { name: "burst", rate: 2, per: "10s" },
    { name: "hourly", rate: 4, per: "1h" },
  ] as const;
  const clock = new ManualClock();
  const limit = limitRequest({ limits, clock, ...given });
  const answers: number[] = [];
  for (const pause of [0, 0, 0, 60, 0, 60]) {
    await clock.advance(pause);
    answers.push((await ask(limit))[0]);
  }
  expect([...answers, (await ask(limit, "", 4))[0]]).toEqual([200, 200, 429, 200, 200, 429, 429]);
  // A request that costs more than a burst is refused by that limit; it is not asked.
  expect(told).toEqual(["burst", "hourly", "hourly"]);
});

describe("a limiter whose keys have limits of their own", () => {
  const clock = new ManualClock();
  const limiter = () =>
    new KeyedRateLimiter({
      name: "tiers",
      rate: 10,
      per: "1h",
      clock,
      limits: { gold: { rate: 100 }, tin: { rate: 2 } },
    });

  test("admits what a key's own burst holds, and tells no more than is left", async () => {
    const limit = limitRequest({ limiter: limiter(), ...given });
    expect((await ask(limit, "gold", 95))[0]).toBe(200);
    // 5 are left: less than the 10 that others have.
    expect((await ask(limit, "gold", 1))[1]).toMatch(/^"tiers";r=4;/);
    expect((await ask(limit, "gold", 101))[0]).toBe(429);
    expect(await ask(limit, "tin", 3)).toEqual([429, '"tiers";r=0', undefined]);
    expect((await ask(limit, "tin", 2))[0]).toBe(200);
    expect((await ask(limit, "tin", 1))[0]).toBe(429);
  });
});

test("a limiter that never gets tokens back tells what is left, without a time", async () => {
  const limiter = new KeyedRateLimiter({ name: "once", rate: 0, burst: 3, clock: new ManualClock() });
  const limit = limitRequest({ limiter, ...given });
  expect(await ask(limit)).toEqual([200, '"once";r=2', undefined]);
  expect(await ask(limit, "", 2)).toEqual([200, '"once";r=0', undefined]);
  expect(await ask(limit)).toEqual([429, '"once";r=0', undefined]);
});

describe("a limiter of the application", () => {
  const own = (parts: Partial<Record<keyof RequestLimiter, unknown>>): RequestLimiter => {
    const whole = { rate: 1, per: 1, burst: 1, tryAcquire: () => true, timeUntilToken: () => 0, ...parts };
    return whole as unknown as RequestLimiter;
  };

  test.each([Number.NaN, undefined, -1, "soon"])(
    "that says %j for a time makes no field of it",
    async (time) => {
      for (const admitted of [true, false]) {
        const limiter = own({ tryAcquire: () => admitted, timeUntilToken: () => time });
        const [status, field, after] = await ask(limitRequest({ limiter, ...given }));
        expect(status).toBe(admitted ? 200 : 429);
        expect(`${field} ${after}`).not.toMatch(/NaN|-|soon|t=undefined/);
      }
    },
  );

  test.each([7, {}, null, "names of\r\nany kind: ä", `"\\`])("may have the name %j", async (name) => {
    const [status, field] = await ask(limitRequest({ limiter: own({ name }), ...given }));
    expect(status).toBe(200);
    // oxlint-disable-next-line no-control-regex -- none of them may stand in a field
    expect(field).not.toMatch(/[^\x20-\x7e]/);
  });
});

describe("a table that is full of reservations", () => {
  test("refuses a new client, and takes nothing from the other limits", async () => {
    const clock = new ManualClock();
    const limits = [
      { name: "a", rate: 2, per: "1h" },
      { name: "b", rate: 2, per: "1h" },
    ] as const;
    for (const some of [limits, limits.slice(1)]) {
      const limit = limitRequest({ limits: some, maxKeys: 1, settle: () => 1, clock, ...given });
      expect((await ask(limit, "one"))[0]).toBe(200);
      expect((await ask(limit, "two"))[0]).toBe(429);
      expect((await ask(limit, "one"))[1]).toMatch(/r=0/);
    }
  });
});

test.each([new DataView(new ArrayBuffer(32)), new Float64Array(32)])(
  "a secret is text or bytes, and not %o",
  (pk) => {
    const options = { limits: [{ rate: 1 }], pk: pk as unknown as Uint8Array };
    expect(() => limitRequest(options)).toThrow(/pk of limitRequest|pk.* must be a secret/);
  },
);

test("the policy that is told follows a limiter whose limits change", async () => {
  const limiter = new KeyedRateLimiter({ name: "live", rate: 10, per: "1h", clock: new ManualClock() });
  const limit = limitRequest({ limiter });
  const policy = async (): Promise<string | undefined> =>
    new Map((await limit(new Request("http://localhost/"))).fields).get("ratelimit-policy");
  expect(await policy()).toBe('"live";q=10;w=3600');
  limiter.update({ rate: 20, per: "1m" });
  expect(await policy()).toBe('"live";q=20;w=60');
});

describe("several limits", () => {
  const limit = fc.record({
    rate: fc.integer({ min: 1, max: 20 }),
    per: fc.integer({ min: 1, max: 60 }),
    burst: fc.integer({ min: 1, max: 20 }),
  });
  const step = fc.record({
    cost: fc.integer({ min: 0, max: 8 }),
    used: fc.option(fc.integer({ min: 0, max: 8 }), { nil: undefined }),
    // Whole seconds, so that the model is exact where the limits are.
    wait: fc.integer({ min: 0, max: 20 }),
  });

  test.each([false, true])(
    "admit a request all together or take nothing from any, as a naive model does (settled: %s)",
    async (isSettled) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(limit, { minLength: 1, maxLength: 4 }),
          fc.array(step, { minLength: 1, maxLength: 30 }),
          async (made, steps) => {
            const clock = new ManualClock();
            const limits = made.map((each, at) => ({ ...each, name: `limit ${at}` }));
            const ours = limitRequest({
              limits,
              clock,
              key: () => "one",
              cost: ({ headers }) => Number(headers.get("cost")),
              ...(isSettled && { settle: () => 0 }),
            });
            // Tokens times the period, which are whole numbers.
            const levels = made.map(({ burst, per }) => burst * per);
            for (const { cost, used = cost, wait } of steps) {
              const refusedBy = limits.filter(({ per }, at) => cost > 0 && (levels[at] ?? 0) < cost * per);
              const request = new Request("http://localhost/", { headers: { cost: String(cost) } });
              const answer = await ours(request);
              const { refused } = answer;
              const body = (await refused?.json()) as { "violated-policies": string[] } | undefined;
              expect(body?.["violated-policies"] ?? []).toEqual(refusedBy.map(({ name }) => name));
              if (refused === undefined) {
                answer.settle(used);
                for (const [at, { per, burst }] of made.entries()) {
                  const taken = isSettled && cost > 0 ? used : cost;
                  levels[at] = Math.min(burst * per, (levels[at] ?? 0) - taken * per);
                }
              }
              await clock.advance(wait);
              for (const [at, { rate, per, burst }] of made.entries()) {
                levels[at] = Math.min(burst * per, (levels[at] ?? 0) + wait * rate);
              }
            }
          },
        ),
        { numRuns: 200 },
      );
    },
  );
});
