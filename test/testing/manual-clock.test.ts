import { AsyncLocalStorage } from "node:async_hooks";
import { afterEach, describe, expect, test, vi } from "vitest";
import { ManualClock } from "../../src/testing/manual-clock.js";

describe("a manual clock", () => {
  test("fires a timer in the async context of who has set it, as real ones do", async () => {
    const clock = new ManualClock();
    const caller = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    for (const name of ["a", "b"])
      caller.run(name, () => clock.setTimer(() => seen.push(caller.getStore()), 5));
    await caller.run("c", () => clock.advance(1));
    expect(seen).toEqual(["a", "b"]);
  });

  test("does not move by itself, and moves both readings", async () => {
    const clock = new ManualClock();
    const [now, wall] = [clock.now(), clock.wallNow()];
    expect([clock.now(), clock.wallNow()]).toEqual([now, wall]);
    await clock.advance(1.5);
    expect([clock.now(), clock.wallNow()]).toEqual([now + 1500, wall + 1500]);
    await clock.advance("250ms");
    expect(clock.now()).toBe(now + 1750);
    await clock.advance("2d");
    await clock.advance(86_400);
    expect(clock.now()).toBe(now + 1750 + 3 * 86_400_000);
  });

  test("fires due timers in the order of their times, then of setting, each at its own time", async () => {
    const clock = new ManualClock();
    const seen: string[] = [];
    const at = (delay: number, name: string): unknown =>
      clock.setTimer(() => seen.push(`${name} at ${clock.now()}`), delay);
    at(300, "c");
    at(100, "a");
    at(200, "b");
    at(100, "a too");
    at(301, "later");
    expect(clock.pendingTimers).toBe(5);
    await clock.advance(0.3);
    expect(seen).toEqual(["a at 100", "a too at 100", "b at 200", "c at 300"]);
    expect(clock.pendingTimers).toBe(1);
  });

  test("fires a timer that is set on the way, when its time is within", async () => {
    const clock = new ManualClock();
    const seen: number[] = [];
    const again = (): void => {
      seen.push(clock.now());
      clock.setTimer(again, 100);
    };
    clock.setTimer(again, 100);
    await clock.advance(0.35);
    expect(seen).toEqual([100, 200, 300]);
    expect(clock.now()).toBe(350);
  });

  test("fires nothing within the call that sets a timer, however short", async () => {
    const clock = new ManualClock();
    let fired = 0;
    clock.setTimer(() => fired++, 0);
    clock.setTimer(() => fired++, -5);
    expect(fired).toBe(0);
    await clock.advance(0);
    expect(fired).toBe(2);
  });

  test("forgets a cancelled timer, whenever and however often it is cancelled", async () => {
    const clock = new ManualClock();
    let fired = 0;
    const first = clock.setTimer(() => fired++, 100);
    const second = clock.setTimer(() => fired++, 200);
    clock.setTimer(() => second.cancel(), 150);
    first.cancel();
    first.cancel();
    expect(clock.pendingTimers).toBe(2);
    await clock.advance(1);
    second.cancel();
    expect(fired).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  test("lets promise jobs settle before each timer and before it resolves", async () => {
    const clock = new ManualClock();
    const seen: string[] = [];
    const chain = async (name: string): Promise<void> => {
      for (let step = 0; step < 50; step++) await Promise.resolve();
      seen.push(name);
    };
    void chain("before");
    clock.setTimer(() => {
      seen.push("first timer");
      void chain("after the first");
    }, 100);
    clock.setTimer(() => {
      seen.push("second timer");
      void chain("after the second");
    }, 200);
    await clock.advance(1);
    expect(seen).toEqual(["before", "first timer", "after the first", "second timer", "after the second"]);
  });

  test("waits for tracked background work, also if it fails, and for what follows it", async () => {
    const clock = new ManualClock();
    const seen: string[] = [];
    const turn = (): Promise<void> =>
      new Promise((resolve) => {
        setImmediate(resolve);
      });
    const work = async (name: string): Promise<void> => {
      await turn();
      await turn();
      await turn();
      seen.push(name);
      if (name === "first") clock.track(work("second"));
      throw new Error(name);
    };
    clock.setTimer(() => clock.track(work("first")), 100);
    clock.setTimer(() => seen.push("next timer"), 101);
    await clock.advance(1);
    expect(seen).toEqual(["first", "second", "next timer"]);
  });

  test("moves at once when its thread sleeps, and fires what came due at the next advance", async () => {
    const clock = new ManualClock();
    const seen: number[] = [];
    const wall = clock.wallNow();
    clock.setTimer(() => seen.push(clock.now()), 100);
    clock.sleepSync(500);
    clock.sleepSync(-1);
    expect([clock.now(), clock.wallNow() - wall, seen]).toEqual([500, 500, []]);
    await clock.advance(0);
    expect(seen).toEqual([500]);
  });

  test("never goes back after a callback that slept beyond the end", async () => {
    const clock = new ManualClock();
    const seen: string[] = [];
    clock.setTimer(() => clock.sleepSync(1000), 100);
    clock.setTimer(() => seen.push(`late at ${clock.now()}`), 200);
    await clock.advance(0.3);
    expect(seen).toEqual(["late at 1100"]);
    expect(clock.now()).toBe(1100);
  });

  test("moves by both of two durations when one advance begins before the other has ended", async () => {
    const clock = new ManualClock();
    const seen: string[] = [];
    const at = (delay: number): unknown => clock.setTimer(() => seen.push(`timer at ${clock.now()}`), delay);
    at(500);
    at(1500);
    const told = (name: string) => () => seen.push(`${name} at ${clock.now()}`);
    await Promise.all([clock.advance(1).then(told("first")), clock.advance(1).then(told("second"))]);
    expect(seen).toEqual(["timer at 500", "first at 1000", "timer at 1500", "second at 2000"]);
  });

  test("goes on after an advance that was refused or whose callback threw", async () => {
    const clock = new ManualClock();
    clock.setTimer(() => {
      throw new Error("mine");
    }, 100);
    const all = await Promise.allSettled([clock.advance(1), clock.advance(-1), clock.advance(1)]);
    expect(all.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
    expect(clock.now()).toBe(1100);
  });

  test("jumps only its wall clock, also back", async () => {
    const clock = new ManualClock();
    const wall = clock.wallNow();
    clock.jumpWall(60);
    clock.jumpWall(-3600.5);
    expect([clock.now(), clock.wallNow() - wall]).toEqual([0, -3_540_500]);
    expect(clock.pendingTimers).toBe(0);
  });

  test.each([Number.NaN, Infinity, -Infinity])("cannot jump by %d", (seconds) => {
    expect(() => new ManualClock().jumpWall(seconds)).toThrow(
      new RangeError(`seconds must be a number that leads to a valid date; got ${seconds}.`),
    );
  });

  test.each([["5"], [null], [undefined], [5n]])("cannot jump by %o", (seconds) => {
    const clock = new ManualClock();
    const wall = clock.wallNow();
    expect(() => Reflect.apply(Reflect.get(clock, "jumpWall"), clock, [seconds])).toThrow(
      /^seconds must be a number; got /,
    );
    expect(clock.wallNow()).toBe(wall);
  });

  test.each([1e308, -1e308, 8.64e12])("cannot jump out of what a date can hold: %d", (seconds) => {
    const clock = new ManualClock();
    const wall = clock.wallNow();
    expect(() => clock.jumpWall(seconds)).toThrow(RangeError);
    expect(clock.wallNow()).toBe(wall);
    clock.jumpWall(-1e12);
  });

  test.each([-1, Number.NaN, Infinity, "10", "soon", null])("cannot advance by %o", async (duration) => {
    const clock = new ManualClock();
    await expect(Reflect.apply(Reflect.get(clock, "advance"), clock, [duration])).rejects.toThrow(
      /^duration must be a duration of 0 or more/,
    );
    expect(clock.now()).toBe(0);
  });
});

describe("a manual clock that is loaded when fake timers are in place", () => {
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  test.each([
    ["fake", () => void vi.useFakeTimers()],
    ["not there, as in a browser's globals", () => void vi.stubGlobal("setImmediate", undefined)],
  ])("advances by itself, where setImmediate is %s", async (_what, replace) => {
    replace();
    vi.resetModules();
    const testing = await import("../../src/testing/manual-clock.js");
    const clock = new testing.ManualClock();
    const seen: string[] = [];
    clock.setTimer(() => void Promise.resolve().then(() => seen.push("a")), 1000);
    clock.setTimer(() => seen.push("b"), 2000);
    await clock.advance(2);
    expect(seen).toEqual(["a", "b"]);
  });
});
