import { describe, expect, onTestFinished, test } from "vitest";
import { exactLimits } from "../../../src/redis/rate-limiter/limits.js";
import { RateLimiter } from "../../../src/rate-limiter/rate-limiter.js";
import { realClock } from "../../../src/kernel/clock.js";
import { TAKE } from "../../../src/redis/rate-limiter/take-script.js";
import { hasRedis } from "../servers/servers.js";
import { Draw, type Granted, type Ratio, RationalBucket, valueOf } from "./rational-bucket.js";
import { ORIGIN, TimedServer } from "./timed-server.js";

const DAY = 86_400_000;
const YEAR = 365 * DAY;

interface Trace {
  readonly rate: Ratio;
  readonly per: Ratio;
  readonly burst: Ratio;
  readonly costs: readonly Ratio[];
  readonly steps: readonly { readonly now: number; readonly n: number; readonly cost: Ratio }[];
}

/** Limits, costs and a trace of times at which several requests of one cost are made. */
function drawTrace(draw: Draw, length: number): Trace {
  const rate = draw.of<Ratio>([
    [1, 1],
    [3, 1],
    [7, 1],
    [17, 1],
    [1200, 1],
    [9999, 1],
    [999_983, 1],
    [1_000_000, 1],
    [1, 10],
    [5, 2],
    [1, 3],
    [51, 4],
  ]);
  const per = draw.of<Ratio>([
    [1, 1],
    [250, 1],
    [1000, 1],
    [60_000, 1],
    [30 * DAY, 1],
    [YEAR, 1],
    [7, 3],
  ]);
  const burst = draw.of<Ratio>([
    [1, 1],
    [2, 1],
    [5, 2],
    [10, 1],
    [1000, 1],
    [7, 3],
  ]);
  const costs: readonly Ratio[] = [[1, 1], [1, 1], [1, 2], [1, 4], burst];
  const token = (valueOf(per) * 1000) / valueOf(rate);
  // More than 142 years to fill is refused.
  if (token * valueOf(burst) > 2 ** 52) return drawTrace(draw, length);
  let now = ORIGIN + draw.from(0, 999_999);
  const steps = Array.from({ length }, () => {
    const step = draw.of([
      0,
      0,
      1,
      draw.from(0, 3),
      Math.floor(token),
      Math.ceil(token),
      token * 2 * draw.fraction(),
      token * 4,
    ]);
    now += Math.min(Math.round(step), 40 * DAY * 1000);
    return { now, n: draw.of([1, draw.from(1, 6)]), cost: draw.of(costs as [Ratio, ...Ratio[]]) };
  });
  return { rate, per, burst, costs, steps };
}

describe.skipIf(!hasRedis)("the shared bucket", async () => {
  if (!hasRedis) return;
  const server = await TimedServer.start();

  test("decides as exact arithmetic does, and is never above the bound where its units are rounded", async () => {
    const draw = new Draw(7);
    const wrong: unknown[] = [];
    let over = 0;
    let exactOnes = 0;
    for (let trace = 0; trace < 150; trace++) {
      const { rate, per, burst, costs, steps } = drawTrace(draw, 120);
      const limits = exactLimits({ rate: valueOf(rate), per: valueOf(per), burst: valueOf(burst) });
      const model = new RationalBucket(rate, per, burst, costs);
      const replies = await Promise.all(
        steps.map(({ now, n, cost }) => server.take(`exact:${trace}`, limits.cost(valueOf(cost)), n, now)),
      );
      const grants: Granted[] = [];
      // A cost is rounded up if it is no whole number of 1/D us; then no time is that of exact arithmetic.
      const D = Number(limits.cost(1).args[2]);
      const isExact =
        D < 2 ** 20 && costs.every(([o, u]) => (valueOf(per) * 1000 * o * D) % (valueOf(rate) * u) === 0);
      if (isExact) exactOnes++;
      for (const [at, { now, n, cost }] of steps.entries()) {
        const { granted, wait } = replies[at] ?? { granted: NaN, wait: NaN };
        if (granted > 0) grants.push({ at: now, count: granted, cost });
        if (!isExact) continue;
        const expected = { granted: model.takeUpTo(n, cost, now), wait: model.wait(cost, now) };
        if (granted !== expected.granted || wait !== expected.wait)
          wrong.push({ rate, per, burst, at, granted, wait, expected });
      }
      over += model.windowsOver(grants);
    }
    expect([wrong.slice(0, 3), over]).toEqual([[], 0]);
    expect(exactOnes).toBeGreaterThan(60);
  });

  test("gives the decisions of the limiter in memory in 100,000 random steps", async () => {
    const draw = new Draw(11);
    const differing: unknown[] = [];
    for (let trace = 0; trace < 200; trace++) {
      const rate = draw.of([1, 2, 3, 7, 10, 13, 17, 100, 300, 499, 1200]);
      const per = draw.of([1, 250, 1000, 60_000]);
      const burst = draw.of([1, 2, 3, 10, rate]);
      const limits = exactLimits({ rate, per, burst });
      let reading = 0;
      const clock = { ...realClock, now: () => reading };
      // Its milliseconds are the server's microseconds: whole numbers, which no double has to round.
      const memory = new RateLimiter({ rate, per: `${per * 1000}ms`, burst, clock });
      const token = (per * 1000) / rate;
      let elapsed = 0;
      const steps = Array.from({ length: 500 }, () => {
        const step = draw.of([
          0,
          0,
          1,
          draw.from(0, 3),
          Math.floor(token),
          Math.ceil(token),
          Math.round(token * draw.from(1, 4)),
          per * 1000,
        ]);
        elapsed += Math.min(step, 1e9);
        return { elapsed, n: draw.from(1, 4), cost: draw.of([1, 1, 1, 2, burst]) };
      }).map(({ cost, ...step }) => ({ ...step, cost: Math.min(cost, burst) }));
      const replies = await Promise.all(
        steps.map((step) =>
          server.take(`memory:${trace}`, limits.cost(step.cost), step.n, ORIGIN + step.elapsed),
        ),
      );
      for (const [at, { elapsed: time, n, cost }] of steps.entries()) {
        reading = time;
        let taken = 0;
        while (taken < n && memory.tryAcquire(cost)) taken++;
        if (taken !== replies[at]?.granted)
          differing.push({ rate, per, burst, cost, at, taken, granted: replies[at]?.granted });
      }
    }
    expect(differing.slice(0, 3)).toEqual([]);
  });

  test("decides of 64 keys in one call as in a call for each", async () => {
    const draw = new Draw(3);
    const cost = exactLimits({ rate: 7, per: 1000, burst: 3 }).cost(1);
    const keys = Array.from({ length: 64 }, (_, at) => String(at));
    for (let round = 0, now = ORIGIN; round < 50; round++, now += draw.from(0, 300_000)) {
      const ns = keys.map(() => draw.from(0, 4));
      const [together, apart] = await Promise.all([
        server.takeAll(
          keys.map((key) => `together:${key}`),
          [cost],
          ns,
          now,
        ),
        Promise.all(keys.map((key, at) => server.take(`apart:${key}`, cost, ns[at] ?? 0, now))),
      ]);
      expect(together).toEqual(apart);
    }
  });

  test("holds at the ends of what can be asked for", async () => {
    const take = async (limits: Parameters<typeof exactLimits>[0], n: number, later: number) =>
      server.take(`end:${limits.rate}:${limits.per}`, exactLimits(limits).cost(1), n, ORIGIN + later);
    const fast = { rate: 1e9, per: 1000, burst: 1e9 };
    expect(await take(fast, 2 ** 28, 0)).toMatchObject({ granted: 2 ** 28, wait: 0 });
    const prime = { rate: 16_777_213, per: 1000, burst: 16_777_213 };
    expect(await take(prime, 2 ** 24, 0)).toMatchObject({ granted: 16_777_213, wait: 1 });
    expect(await take(prime, 2 ** 25, 1e6)).toMatchObject({ granted: 16_777_213 });
    const rare = { rate: 1, per: 100 * YEAR, burst: 1 };
    expect(await take(rare, 2, 0)).toMatchObject({ granted: 1, wait: 100 * YEAR * 1000 });
    expect(await take(rare, 1, 100 * YEAR * 1000 - 1)).toMatchObject({ granted: 0, wait: 1 });
    expect(await take(rare, 1, 100 * YEAR * 1000)).toMatchObject({ granted: 1 });
    const yearly = { rate: 1e6, per: YEAR, burst: 1e6 };
    expect(await take(yearly, 1e6 + 1, 0)).toMatchObject({ granted: 1e6, wait: YEAR / 1000 });
  });

  test("takes and writes nothing for 0 requests, and tells the wait", async () => {
    const cost = exactLimits({ rate: 10, per: 1000, burst: 1 }).cost(1);
    expect(await server.take("none", cost, 0, ORIGIN)).toMatchObject({ granted: 0, wait: 0 });
    expect(await server.client.exists("none")).toBe(0);
    await server.take("none", cost, 1, ORIGIN);
    expect(await server.take("none", cost, 0, ORIGIN + 30_000)).toMatchObject({ granted: 0, wait: 70_000 });
  });

  test("expires once it is full, never before", async () => {
    const cost = exactLimits({ rate: 1, per: 60_000, burst: 3 }).cost(1);
    const [granted, , full = 0] = await server.takeNow("expires", cost, 2);
    const expires = await server.expiryOf("expires");
    expect(granted).toBe(2);
    expect([expires * 1000 > full, (expires - 1) * 1000 <= full]).toEqual([true, true]);
  });

  test("expires then on a server that cannot say so as it writes, whose user may do no more than write", async () => {
    const cost = exactLimits({ rate: 1, per: 60_000, burst: 3 }).cost(1);
    // What Redis 6.0 makes of PXAT.
    const before62 = TAKE.source.replaceAll("'PXAT'", "'UNKNOWN'");
    const client = server.client.duplicate();
    onTestFinished(() => client.disconnect());
    await client.call("ACL", "SETUSER", "older", "on", ">older", "~*", "+eval", "+time", "+get", "+set");
    await client.call("AUTH", "older", "older");
    const reply = await client.eval(before62, 1, "older", 1, ...cost.args, 2);
    const [granted, , full = 0] = [reply].flat().map(Number);
    const expires = await server.expiryOf("older");
    expect(granted).toBe(2);
    expect(expires * 1000).toBeGreaterThan(full);
  });

  test("refuses to calculate with what is no bucket", async () => {
    const cost = exactLimits({ rate: 1, per: 1000, burst: 1 }).cost(1);
    await server.client.set("text", "something else");
    await expect(server.take("text", cost, 1, ORIGIN)).rejects.toThrow("no bucket under text");
    await server.client.rpush("list", "a");
    await expect(server.take("list", cost, 1, ORIGIN)).rejects.toThrow("WRONGTYPE");
  });
});

describe.skipIf(!hasRedis)("a shared bucket whose server or limits change", async () => {
  if (!hasRedis) return;
  const server = await TimedServer.start();
  const HOUR = 3_600_000_000;

  test("is empty after the server's clock was set back, not locked, and full when it was set forward", async () => {
    const cost = exactLimits({ rate: 10, per: 1000, burst: 10 }).cost(1);
    await server.take("clock", cost, 10, ORIGIN);
    expect(await server.take("clock", cost, 1, ORIGIN - HOUR)).toMatchObject({ granted: 0, wait: 100_000 });
    expect(await server.take("clock", cost, 2, ORIGIN - HOUR + 100_000)).toMatchObject({
      granted: 1,
      wait: 100_000,
    });
    expect(await server.take("clock", cost, 50, ORIGIN + HOUR)).toMatchObject({ granted: 10 });
  });

  test("lets two limits on one key share its time, whoever asks and whatever the clock does", async () => {
    const wide = exactLimits({ rate: 100, per: 1000, burst: 100 }).cost(1);
    const small = exactLimits({ rate: 100, per: 1000, burst: 10 }).cost(1);
    for (const [key, now] of [
      ["mixed", ORIGIN],
      ["mixed, set back", ORIGIN - HOUR],
    ] as const) {
      let { granted } = await server.take(key, wide, 100, now + (now < ORIGIN ? HOUR : 0));
      for (let round = 0; round < 20; round++) {
        granted += (await server.take(key, small, 10, now)).granted;
        granted += (await server.take(key, wide, 100, now)).granted;
      }
      expect(granted).toBe(100);
      expect(await server.take(key, small, 1, now)).toMatchObject({ granted: 0, wait: 910_000 });
      expect(await server.take(key, small, 1, now + 910_000)).toMatchObject({ granted: 1 });
    }
  });

  test("loses a fraction of a microsecond to a reader of other limits, and gains nothing", async () => {
    const thirds = exactLimits({ rate: 3, per: 1000, burst: 3 }).cost(1);
    const sevenths = exactLimits({ rate: 7, per: 1000, burst: 7 }).cost(1);
    await server.take("fractions", thirds, 2, ORIGIN);
    expect(await server.client.get("fractions")).toBe("4000000000666666+2/3 1000000");
    expect(await server.take("fractions", sevenths, 7, ORIGIN)).toMatchObject({ granted: 2, wait: 95_239 });
  });

  test("admits nobody while it is paused; tokens go on flowing in, and the longer pause counts", async () => {
    const cost = exactLimits({ rate: 10, per: 1000, burst: 10 }).cost(1);
    await server.take("paused", cost, 10, ORIGIN);
    expect(await server.pause("paused", 500_000, ORIGIN)).toBe(500_000);
    expect(await server.pause("paused", 100_000, ORIGIN)).toBe(500_000);
    expect(await server.take("paused", cost, 1, ORIGIN + 499_999)).toMatchObject({ granted: 0, wait: 1 });
    expect(await server.take("paused", cost, 9, ORIGIN + 500_000)).toMatchObject({ granted: 5 });
  });

  test("is paused before it was used, for as long as was said also if the clock is set back", async () => {
    const cost = exactLimits({ rate: 1e6, per: 1000, burst: 10 }).cost(1);
    await server.pause("fresh", 1_000_000, ORIGIN);
    expect(await server.take("fresh", cost, 1, ORIGIN + 900_000)).toMatchObject({
      granted: 0,
      wait: 100_000,
    });
    expect(await server.take("fresh", cost, 1, ORIGIN - HOUR)).toMatchObject({ granted: 0, wait: 1_000_000 });
    expect(await server.take("fresh", cost, 1, ORIGIN - HOUR + 1_000_000)).toMatchObject({ granted: 1 });
    expect(await server.client.pttl("fresh")).toBeGreaterThan(0);
  });
});
