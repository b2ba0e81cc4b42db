import { describe, expect, test } from "vitest";
import { exactLimits } from "../../../src/redis/rate-limiter/limits.js";
import { hasRedis } from "../servers/servers.js";
import { Draw, type Granted, type Ratio, RationalBucket, valueOf } from "./rational-bucket.js";
import { ORIGIN, TimedServer } from "./timed-server.js";

const ONE: Ratio = [1, 1];

describe.skipIf(!hasRedis)("several tiers of one decision", async () => {
  if (!hasRedis) return;
  const server = await TimedServer.start();

  test("are taken from all together or not at all, and each holds its bound in every window", async () => {
    const draw = new Draw(5);
    const wrong: unknown[] = [];
    let over = 0;
    for (let trace = 0; trace < 60; trace++) {
      const tiers = Array.from({ length: draw.from(2, 4) }, () => {
        const rate = draw.of<Ratio>([
          [1, 1],
          [3, 1],
          [13, 1],
          [100, 1],
          [1000, 1],
        ]);
        const per = draw.of<Ratio>([
          [250, 1],
          [1000, 1],
          [60_000, 1],
        ]);
        const burst = draw.of<Ratio>([[1, 1], [3, 1], rate]);
        const limits = exactLimits({ rate: valueOf(rate), per: valueOf(per), burst: valueOf(burst) });
        return { cost: limits.cost(1), model: new RationalBucket(rate, per, burst, [ONE]) };
      });
      let now = ORIGIN + draw.from(0, 1_000_000);
      const steps = Array.from({ length: 60 }, () => {
        now += draw.of([0, 0, draw.from(0, 50_000), draw.from(0, 1_000_000), 60_000_000]);
        return { now, n: draw.from(0, 5) };
      });
      const keys = tiers.map((_, at) => `{tiers:${trace}}:${at}`);
      const costs = tiers.map(({ cost }) => cost);
      const replies = await Promise.all(
        steps.map(async (step) => (await server.takeAll(keys, costs, [step.n], step.now))[0]),
      );
      const grants: Granted[] = [];
      for (const [at, { now: time, n }] of steps.entries()) {
        let granted = 0;
        for (; granted < n && tiers.every(({ model }) => model.has(ONE, time)); granted++) {
          for (const { model } of tiers) model.take(ONE, time);
        }
        const wait = Math.max(...tiers.map(({ model }) => model.wait(ONE, time)));
        const reply = replies[at];
        if (reply?.granted !== granted || reply.wait !== wait)
          wrong.push({ trace, at, reply, granted, wait });
        if (granted > 0) grants.push({ at: time, count: granted, cost: ONE });
      }
      for (const { model } of tiers) over += model.windowsOver(grants);
    }
    expect([wrong, over]).toEqual([[], 0]);
  });

  test("of several decisions in one call may share a bucket: the later one finds what the earlier one left", async () => {
    const user = exactLimits({ rate: 1, per: 1000, burst: 3 }).cost(1);
    const tenant = exactLimits({ rate: 1, per: 1000, burst: 4 }).cost(1);
    const keys = ["{share}:a", "{share}:tenant", "{share}:b", "{share}:tenant"];
    const replies = await server.takeAll(keys, [user, tenant], [3, 3], ORIGIN);
    expect(replies.map(({ granted, wait }) => [granted, wait])).toEqual([
      [3, 1_000_000],
      [1, 1_000_000],
    ]);
    expect(await server.take("{share}:b", user, 3, ORIGIN)).toMatchObject({ granted: 2 });
  });

  test("are refused together while one of them is paused", async () => {
    const cost = exactLimits({ rate: 1, per: 1000, burst: 3 }).cost(1);
    const keys = ["{pause}:a", "{pause}:b"];
    await server.pause("{pause}:b", 2_000_000, ORIGIN);
    expect(await server.takeAll(keys, [cost, cost], [1], ORIGIN)).toMatchObject([
      { granted: 0, wait: 2_000_000 },
    ]);
    expect(await server.takeAll(keys, [cost, cost], [4], ORIGIN + 2_000_000)).toMatchObject([{ granted: 3 }]);
  });
});
