import { describe, expect, test } from "vitest";
import { type Boundary, TimeTrigger } from "../../src/schedule/index.js";
import { ManualClock } from "../../src/testing/index.js";

const HOUR = 3600;
/** What a callback was told, in short: the time of day and what was missed. */
const inShort = ({ boundary, missed }: Boundary): string =>
  `${boundary.toISOString().slice(11, 16)} ${missed}`;

describe("a callback of onBoundary", () => {
  test("is called once for each boundary", async () => {
    const clock = new ManualClock();
    const trigger = new TimeTrigger("1h", { clock });
    const told: string[] = [];
    const subscription = trigger.onBoundary((boundary) => told.push(inShort(boundary)));
    await clock.advance("3h");
    expect(told).toEqual(["01:00 0", "02:00 0", "03:00 0"]);
    subscription[Symbol.dispose]();
    await clock.advance("3h");
    expect(told).toHaveLength(3);
    expect(clock.pendingTimers).toBe(0);
  });

  test("is told what a frozen loop has missed", async () => {
    const clock = new ManualClock();
    const told: string[] = [];
    new TimeTrigger("1h", { clock }).onBoundary((boundary) => told.push(inShort(boundary)));
    clock.sleepSync(5.5 * HOUR * 1000);
    await clock.advance(0);
    await clock.advance("30m");
    expect(told).toEqual(["05:00 4", "06:00 0"]);
  });

  test("is called nothing twice when the clock is set back an hour", async () => {
    const clock = new ManualClock();
    const told: string[] = [];
    new TimeTrigger("30m", { clock }).onBoundary((boundary) => told.push(inShort(boundary)));
    await clock.advance("2h");
    clock.jumpWall(-HOUR);
    await clock.advance("90m");
    expect(told).toEqual(["00:30 0", "01:00 0", "01:30 0", "02:00 0", "02:30 0"]);
  });

  test("is told once what was missed when the clock is set forward a day", async () => {
    const clock = new ManualClock();
    const told: string[] = [];
    new TimeTrigger("1h", { clock }).onBoundary((boundary) => told.push(inShort(boundary)));
    await clock.advance("90m");
    clock.jumpWall(24 * HOUR);
    await clock.advance("1m");
    expect(told).toEqual(["01:00 0", "01:00 23"]);
    await clock.advance("30m");
    expect(told).toEqual(["01:00 0", "01:00 23", "02:00 0"]);
  });
});

describe("waitForBoundary", () => {
  test("resolves at the boundary, or a margin before it, once for each", async () => {
    const clock = new ManualClock();
    const trigger = new TimeTrigger("1h", { clock });
    const told: [string, number][] = [];
    const loop = (async () => {
      for (let i = 0; i < 3; i++)
        told.push([inShort(await trigger.waitForBoundary({ margin: "10m" })), clock.now()]);
    })();
    await clock.advance("3h");
    await loop;
    expect(told).toEqual([
      ["01:00 0", 50 * 60_000],
      ["02:00 0", 110 * 60_000],
      ["03:00 0", 170 * 60_000],
    ]);
    expect(clock.pendingTimers).toBe(0);
  });
});
