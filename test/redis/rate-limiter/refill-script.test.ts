import { describe, expect, test } from "vitest";
import { exactLimits } from "../../../src/redis/rate-limiter/limits.js";
import { hasRedis } from "../servers/servers.js";
import { Draw } from "./rational-bucket.js";
import { ORIGIN, TimedServer } from "./timed-server.js";

const limits = exactLimits({ rate: 10, per: 1000, burst: 10 });
const one = limits.cost(1);

describe.skipIf(!hasRedis)("a bucket that is refilled", async () => {
  if (!hasRedis) return;
  const server = await TimedServer.start();

  test("gets the tokens at once, up to a full one, with their fractions", async () => {
    await server.take("some", one, 10, ORIGIN);
    expect(await server.refill(["some"], 2.5, [limits], ORIGIN)).toBe(1);
    expect(await server.tokens("some", limits, ORIGIN)).toBe(2.5);
    expect(await server.take("some", one, 10, ORIGIN)).toMatchObject({ granted: 2, wait: 50_000 });
    await server.refill(["some"], 1e300, [limits], ORIGIN);
    expect(await server.take("some", one, 20, ORIGIN)).toMatchObject({ granted: 10 });
  });

  test.each([
    [{ rate: 3, per: 1000, burst: 3 }, 1],
    [{ rate: 7, per: 1000, burst: 50 }, 13],
    [{ rate: 0.3, per: 7 / 3, burst: 5 / 2 }, 0.7],
    [{ rate: 999_983, per: 60_000, burst: 1000 }, 331],
  ])("has what it had before the tokens were taken, and no more (%j, %d)", async (own, tokens) => {
    const exact = exactLimits(own);
    const key = JSON.stringify(own);
    await server.take(key, exact.cost(own.burst), 1, ORIGIN);
    const now = ORIGIN + Math.ceil((own.per * 1000 * tokens) / own.rate) * 2;
    const before = await server.tokens(key, exact, now);
    await server.take(key, exact.cost(tokens), 1, now);
    await server.refill([key], tokens, [exact], now);
    const after = await server.tokens(key, exact, now);
    expect(after).toBeLessThanOrEqual(before);
    expect(after).toBeCloseTo(before, 5);
  });

  test("keeps its pause and its block, which a reset ends", async () => {
    await server.take("held", one, 10, ORIGIN);
    await server.pause("held", 500_000, ORIGIN, "block");
    await server.pause("held", 900_000, ORIGIN);
    await server.refill(["held"], 3, [limits], ORIGIN);
    expect(await server.take("held", one, 1, ORIGIN + 499_999)).toMatchObject({ granted: -2, wait: 400_001 });
    expect(await server.take("held", one, 1, ORIGIN + 500_000)).toMatchObject({ granted: 0, wait: 400_000 });
    await server.pause("held", 500_000, ORIGIN + 500_000, "block");
    expect(await server.reset(["held"], ORIGIN + 500_000)).toBe(1);
    expect(await server.take("held", one, 20, ORIGIN + 500_000)).toMatchObject({ granted: 10 });
  });

  test("is blocked for the longest of its blocks, also if the clock is set back", async () => {
    expect(await server.pause("blocked", 500_000, ORIGIN, "block")).toBe(500_000);
    expect(await server.pause("blocked", 100_000, ORIGIN, "block")).toBe(500_000);
    const earlier = ORIGIN - 3_600_000_000;
    expect(await server.take("blocked", one, 1, earlier)).toMatchObject({ granted: -2, wait: 500_000 });
    expect(await server.take("blocked", one, 1, earlier + 500_000)).toMatchObject({ granted: 1 });
  });

  test("lets no reservation that was made before give its tokens once more", async () => {
    const draw = new Draw(5);
    for (let round = 0; round < 40; round++) {
      const key = `before:${round}`;
      const { marks } = await server.take(key, one, 4, ORIGIN);
      const others = draw.from(0, 6);
      await server.take(key, one, others, ORIGIN);
      const isReset = draw.fraction() < 0.5;
      await (isReset ? server.reset([key], ORIGIN) : server.refill([key], 10, [limits], ORIGIN));
      const later = ORIGIN + draw.from(0, 300_000);
      const taken = draw.from(1, 10);
      await server.take(key, one, taken, later);
      expect(await server.giveBack(key, one.taken(4), marks[0] ?? NaN, later)).toBe(0);
      expect(await server.tokens(key, limits, later)).toBe(10 - taken);
    }
  });

  test("lets one that is made afterwards give back as ever, however often", async () => {
    for (let round = 0; round < 100; round++) {
      const { granted, marks } = await server.take("afterwards", one, 10, ORIGIN + round);
      expect(granted).toBe(10);
      await server.giveBack("afterwards", one.taken(5), marks[0] ?? NaN, ORIGIN + round);
      expect(await server.tokens("afterwards", limits, ORIGIN + round)).toBe(5);
      await server.reset(["afterwards"], ORIGIN + round);
    }
  });

  test("is left alone where it is unknown, and where another one is no bucket", async () => {
    expect(await server.refill(["unknown"], 1, [limits], ORIGIN)).toBe(0);
    expect(await server.reset(["unknown"], ORIGIN)).toBe(0);
    expect(await server.tokens("unknown", limits, ORIGIN)).toBe(10);
    expect(await server.client.exists("unknown")).toBe(0);
    await server.take("sound", one, 10, ORIGIN);
    await server.client.set("text", "something else");
    await expect(server.reset(["sound", "text"], ORIGIN)).rejects.toThrow("no bucket under text");
    await expect(server.refill(["sound", "text"], 1, [limits, limits], ORIGIN)).rejects.toThrow("no bucket");
    await expect(server.tokens("text", limits, ORIGIN)).rejects.toThrow("no bucket under text");
    expect(await server.tokens("sound", limits, ORIGIN)).toBe(0);
  });

  test("loses a fraction of a microsecond to limits of another kind, and gains nothing", async () => {
    const thirds = exactLimits({ rate: 3, per: 1000, burst: 3 });
    const sevenths = exactLimits({ rate: 7, per: 1000, burst: 7 });
    await server.take("kinds", thirds.cost(1), 2, ORIGIN);
    expect(await server.client.get("kinds")).toBe("4000000000666666+2/3 1000000");
    await server.refill(["kinds"], 1, [sevenths], ORIGIN);
    expect(await server.client.get("kinds")).toBe("4000000000523809+6/7 1000000~142857");
    expect(await server.tokens("kinds", thirds, ORIGIN)).toBeCloseTo(3 - 0.52381 * 3, 5);
  });

  test("expires, at the latest when it would have been full", async () => {
    await server.client.del("expires");
    const hour = exactLimits({ rate: 10, per: 3_600_000, burst: 10 });
    await server.takeNow("expires", hour.cost(1), 10);
    const expires = await server.expiryOf("expires");
    const [seconds = "0", rest = "0"] = await server.client.time().then((time) => time.map(String));
    await server.reset(["expires"], Number(seconds) * 1e6 + Number(rest));
    expect(await server.expiryOf("expires")).toBe(expires);
  });
});
