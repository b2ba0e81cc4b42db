import { describe, expect, test } from "vitest";
import { exactLimits } from "../../../src/redis/rate-limiter/limits.js";
import { hasRedis } from "../servers/servers.js";
import { Draw, type Ratio, RationalBucket, valueOf } from "./rational-bucket.js";
import { ORIGIN, TimedServer } from "./timed-server.js";

const ONE: Ratio = [1, 1];
const SECOND: Ratio = [1000, 1];

describe.skipIf(!hasRedis)("tokens that are given back", async () => {
  if (!hasRedis) return;
  const server = await TimedServer.start();

  test("never let more be used in a window than the bound, however takes and returns are mixed", async () => {
    const draw = new Draw(9);
    let over = 0;
    let asked = 0;
    let given = 0;
    await Promise.all(
      Array.from({ length: 120 }, async (_, trace) => {
        const rate = draw.of<Ratio>([
          [1, 1],
          [3, 1],
          [7, 1],
          [10, 1],
          [1000, 1],
        ]);
        const burst = draw.of<Ratio>([
          [1, 1],
          [2, 1],
          [5, 1],
          [10, 1],
          [50, 1],
        ]);
        const own = new Draw(trace);
        const cost = exactLimits({ rate: valueOf(rate), per: 1000, burst: valueOf(burst) }).cost(1);
        const token = 1e6 / valueOf(rate);
        const grants: { at: number; count: number; cost: Ratio; mark: number }[] = [];
        let now = ORIGIN + own.from(0, 1_000_000);
        for (let step = 0; step < 80; step++) {
          now += Math.round(
            own.of([0, own.fraction() / 3, own.fraction() * 2, valueOf(burst) * own.fraction()]) * token,
          );
          const grant = grants[Math.max(0, grants.length - own.from(1, 6))];
          if (own.fraction() < 0.35 && grant && grant.count > 0) {
            const count = own.from(1, grant.count);
            const taken = cost.taken(count);
            grant.count -= count;
            asked += Number(taken);
            const back = await server.giveBack(`back:${trace}`, taken, grant.mark, now);
            given += back;
          } else {
            const { granted, marks } = await server.take(`back:${trace}`, cost, own.from(1, 4), now);
            if (granted > 0) grants.push({ at: now, count: granted, cost: ONE, mark: marks[0] ?? NaN });
          }
        }
        over += new RationalBucket(rate, SECOND, burst, [ONE]).windowsOver(grants);
      }),
    );
    expect(over).toBe(0);
    // A good part comes back; what does not flowed in meanwhile, and others could have taken it.
    expect(given / asked).toBeGreaterThan(0.3);
  });

  test("come back as a whole at once, in parts too, and not twice", async () => {
    const cost = exactLimits({ rate: 10, per: 1000, burst: 10 }).cost(1);
    const { marks } = await server.take("whole", cost, 10, ORIGIN);
    const mark = marks[0] ?? NaN;
    expect(await server.giveBack("whole", cost.taken(4), mark, ORIGIN)).toBe(400_000);
    expect(await server.giveBack("whole", cost.taken(6), mark, ORIGIN)).toBe(600_000);
    expect(await server.giveBack("whole", cost.taken(6), mark, ORIGIN)).toBe(0);
    expect(await server.take("whole", cost, 20, ORIGIN)).toMatchObject({ granted: 10 });
  });

  test("come back however often, also where the bucket is never full in between", async () => {
    const cost = exactLimits({ rate: 10, per: 3_600_000, burst: 10 }).cost(1);
    const all = Number(cost.taken(9));
    await server.take("often", cost, 1, ORIGIN);
    for (let round = 1; round <= 50; round++) {
      const now = ORIGIN + round * 1000;
      const { granted, marks } = await server.take("often", cost, 9, now);
      expect([round, granted]).toEqual([round, 9]);
      expect(await server.giveBack("often", cost.taken(9), marks[0] ?? NaN, now)).toBe(all);
    }
    expect(await server.take("often", cost, 10, ORIGIN + 51_000)).toMatchObject({ granted: 9 });
  });

  test("are nothing where the bucket is full, gone, or its clock was set back", async () => {
    const cost = exactLimits({ rate: 10, per: 1000, burst: 10 }).cost(1);
    const { marks } = await server.take("nothing", cost, 10, ORIGIN);
    const mark = marks[0] ?? NaN;
    expect(await server.giveBack("nothing", cost.taken(4), mark, ORIGIN - 3_600_000_000)).toBe(0);
    expect(await server.giveBack("nothing", cost.taken(4), mark, ORIGIN + 1_000_000)).toBe(0);
    expect(await server.giveBack("never used", cost.taken(4), mark, ORIGIN)).toBe(0);
    expect(await server.client.exists("never used")).toBe(0);
  });

  test("do not end a pause", async () => {
    const cost = exactLimits({ rate: 10, per: 1000, burst: 10 }).cost(1);
    const { marks } = await server.take("pause", cost, 5, ORIGIN);
    await server.pause("pause", 1_000_000, ORIGIN);
    expect(await server.giveBack("pause", cost.taken(5), marks[0] ?? NaN, ORIGIN)).toBe(500_000);
    expect(await server.take("pause", cost, 1, ORIGIN + 999_000)).toMatchObject({ granted: 0, wait: 1000 });
  });
});
