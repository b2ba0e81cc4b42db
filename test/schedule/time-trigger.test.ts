import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { inspect } from "node:util";
import { describe, expect, test, vi } from "vitest";
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

  test("finds a boundary at most a minute after the clock was set forward over it", async () => {
    const clock = new ManualClock();
    const told: number[] = [];
    new TimeTrigger("7d", { clock }).onBoundary(() => told.push(clock.now()));
    await clock.advance("10s");
    clock.jumpWall(6 * 24 * HOUR);
    await clock.advance("50s");
    expect(told).toEqual([60_000]);
  });

  test("is called again soon when the clock was wrong by years and is put right", async () => {
    const clock = new ManualClock();
    clock.jumpWall(9 * 365 * 24 * HOUR);
    const told: string[] = [];
    new TimeTrigger("1h", { clock }).onBoundary(({ boundary }) => told.push(boundary.toISOString()));
    await clock.advance("1h");
    clock.jumpWall(-9 * 365 * 24 * HOUR);
    await clock.advance("1h");
    expect(told).toEqual(["2033-12-30T01:00:00.000Z", "2025-01-01T02:00:00.000Z"]);
  });

  test("is called nothing twice when the clock is set back a whole day", async () => {
    const clock = new ManualClock();
    const told: string[] = [];
    new TimeTrigger("6h", { clock }).onBoundary((boundary) => told.push(inShort(boundary)));
    await clock.advance("12h");
    clock.jumpWall(-24 * HOUR);
    await clock.advance("24h");
    expect(told).toEqual(["06:00 0", "12:00 0"]);
    await clock.advance("6h");
    expect(told).toEqual(["06:00 0", "12:00 0", "18:00 0"]);
  });

  test("is called the margin before each boundary, and not twice within it", async () => {
    const clock = new ManualClock();
    const told: [string, number][] = [];
    const trigger = new TimeTrigger("1h", { clock });
    await clock.advance("50m");
    // The boundary at one o'clock is closer than the margin already.
    trigger.onBoundary((boundary) => told.push([inShort(boundary), clock.now() / 60_000]), { margin: "15m" });
    await clock.advance("2h");
    expect(told).toEqual([
      ["02:00 0", 105],
      ["03:00 0", 165],
    ]);
  });

  test("is called at once for the boundary before, if asked to", async () => {
    const clock = new ManualClock();
    await clock.advance("90m");
    const told: string[] = [];
    const trigger = new TimeTrigger("1h", { clock });
    trigger.onBoundary((boundary) => told.push(inShort(boundary)), { runImmediately: true });
    expect(told).toEqual([]);
    await clock.advance(0);
    expect(told).toEqual(["01:00 0"]);
    await clock.advance("30m");
    expect(told).toEqual(["01:00 0", "02:00 0"]);
  });

  test("is called once for a boundary that comes before the call at once could be made", async () => {
    const clock = new ManualClock();
    const told: string[] = [];
    const trigger = new TimeTrigger("1h", { clock });
    trigger.onBoundary((boundary) => told.push(inShort(boundary)), { runImmediately: true });
    clock.sleepSync(2.5 * HOUR * 1000);
    await clock.advance(0);
    expect(told).toEqual(["00:00 0", "02:00 1"]);
  });

  test("is not called at once when it was disposed of before", async () => {
    const clock = new ManualClock();
    const told: string[] = [];
    const trigger = new TimeTrigger("1h", { clock });
    const subscription = trigger.onBoundary((boundary) => told.push(inShort(boundary)), {
      runImmediately: true,
    });
    subscription[Symbol.dispose]();
    await clock.advance("2h");
    expect(told).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("can end its own calls", async () => {
    const clock = new ManualClock();
    const told: string[] = [];
    const subscription = new TimeTrigger("1h", { clock }).onBoundary((boundary) => {
      told.push(inShort(boundary));
      subscription[Symbol.dispose]();
    });
    await clock.advance("3h");
    expect(told).toEqual(["01:00 0"]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("that throws or rejects is an error event, and is called for the next boundary", async () => {
    const clock = new ManualClock();
    const trigger = new TimeTrigger("1h", { clock });
    const errors: unknown[] = [];
    trigger.on("error", ({ boundary, error }) => errors.push([boundary.toISOString().slice(11, 16), error]));
    trigger.onBoundary(({ boundary }) => {
      if (boundary.getUTCHours() === 1) throw new Error("at one");
      return boundary.getUTCHours() === 2 ? Promise.reject(new Error("at two")) : undefined;
    });
    await clock.advance("3h");
    expect(errors).toEqual([
      ["01:00", new Error("at one")],
      ["02:00", new Error("at two")],
    ]);
    expect(trigger.stats).toMatchObject({ calls: 3, failures: 2 });
  });

  test("that throws is a warning without a listener", async () => {
    const clock = new ManualClock();
    const warning = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    try {
      new TimeTrigger("1h", { clock, name: "daily" }).onBoundary(() => {
        throw new Error("at one");
      });
      await clock.advance("1h");
      expect(warning.mock.calls).toEqual([
        [
          'a callback of time trigger "daily" failed',
          expect.objectContaining({ code: "KSTLIB_LISTENER_FAILED" }),
        ],
      ]);
    } finally {
      warning.mockRestore();
    }
  });
});

/** A callback that ends when it is told to. */
function heldCallback(): {
  callback: (boundary: Boundary) => Promise<void>;
  told: string[];
  end: () => void;
} {
  const told: string[] = [];
  let end = (): void => {};
  return {
    callback: (boundary) => {
      told.push(inShort(boundary));
      return new Promise((resolve) => {
        end = resolve;
      });
    },
    told,
    end: () => end(),
  };
}

describe("boundaries that come while the callback runs", () => {
  test("are skipped, and told to the next call", async () => {
    const clock = new ManualClock();
    const { callback, told, end } = heldCallback();
    const trigger = new TimeTrigger("1h", { clock });
    const overruns: string[] = [];
    trigger.on("overrun", ({ boundary }) => overruns.push(boundary.toISOString().slice(11, 16)));
    trigger.onBoundary(callback);
    await clock.advance("3h");
    expect(told).toEqual(["01:00 0"]);
    end();
    await clock.advance("59m");
    expect(told).toEqual(["01:00 0"]);
    await clock.advance("1m");
    expect(told).toEqual(["01:00 0", "04:00 2"]);
    expect(overruns).toEqual(["02:00", "03:00"]);
    expect(trigger.stats).toEqual({
      calls: 2,
      missed: 0,
      overruns: 2,
      failures: 0,
      lastBoundary: "2025-01-01T04:00:00.000Z",
    });
  });

  test("are made up for by one call, with overrun: queue", async () => {
    const clock = new ManualClock();
    const { callback, told, end } = heldCallback();
    new TimeTrigger("1h", { clock }).onBoundary(callback, { overrun: "queue" });
    await clock.advance("3h");
    end();
    await clock.advance(0);
    expect(told).toEqual(["01:00 0", "03:00 1"]);
    end();
    await clock.advance("1h");
    expect(told).toEqual(["01:00 0", "03:00 1", "04:00 0"]);
  });

  test("are made up for no more once the callback is disposed of", async () => {
    const clock = new ManualClock();
    const { callback, told, end } = heldCallback();
    const trigger = new TimeTrigger("1h", { clock });
    trigger.onBoundary(callback, { overrun: "queue" });
    await clock.advance("2h");
    trigger.stop();
    end();
    await clock.advance("2h");
    expect(told).toEqual(["01:00 0"]);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("shouldTrigger", () => {
  test("is true once for each boundary, from the margin before it", async () => {
    const clock = new ManualClock();
    const trigger = new TimeTrigger("1h", { clock });
    const found: string[] = [];
    for (let minute = 0; minute <= 130; minute++) {
      if (trigger.shouldTrigger("5m")) found.push(clock.wallNow() % 1000 === 0 ? String(minute) : "");
      await clock.advance("1m");
    }
    expect(found).toEqual(["55", "115"]);
  });

  test("is true when nobody asked within the margin, and once for all that have passed", async () => {
    const clock = new ManualClock();
    const trigger = new TimeTrigger("1h", { clock });
    await clock.advance("150m");
    expect([trigger.shouldTrigger(), trigger.shouldTrigger()]).toEqual([true, false]);
    clock.jumpWall(-HOUR);
    await clock.advance("30m");
    expect(trigger.shouldTrigger()).toBe(false);
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

  test("tells what was passed while it waited", async () => {
    const clock = new ManualClock();
    const wait = new TimeTrigger("1h", { clock }).waitForBoundary();
    clock.jumpWall(5.5 * HOUR);
    await clock.advance("1m");
    expect(inShort(await wait)).toBe("05:00 4");
  });

  test("rejects with the reason of its signal, and leaves nothing", async () => {
    const clock = new ManualClock();
    const trigger = new TimeTrigger("1h", { clock });
    const { signal, abort } = abortable();
    const wait = trigger.waitForBoundary({ signal });
    await clock.advance("30m");
    abort("enough");
    await expect(wait).rejects.toBe("enough");
    expect(clock.pendingTimers).toBe(0);
    await expect(trigger.waitForBoundary({ signal })).rejects.toBe("enough");
    expect(clock.pendingTimers).toBe(0);
  });

  test("waits longer when the clock is set back", async () => {
    const clock = new ManualClock();
    // From Wednesday for the Monday that follows, not for the one before.
    const wait = new TimeTrigger("7d", { clock }).waitForBoundary();
    clock.jumpWall(-6 * 24 * HOUR);
    await clock.advance("7d");
    expect(clock.pendingTimers).toBe(1);
    await clock.advance("4d");
    expect((await wait).boundary.toISOString()).toBe("2025-01-06T00:00:00.000Z");
  });
});

function abortable(): { signal: AbortSignal; abort: (reason: unknown) => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: (reason) => controller.abort(reason) };
}

describe("a trigger", () => {
  test("says how far it is to the next boundary and whether it is at one", async () => {
    const clock = new ManualClock();
    const trigger = new TimeTrigger("1h", { clock });
    expect(trigger.timeUntilNext()).toBe(3600);
    expect(trigger.isAtBoundary()).toBe(true);
    await clock.advance("2s");
    expect(trigger.timeUntilNext()).toBe(3598);
    expect([trigger.isAtBoundary(), trigger.isAtBoundary(2), trigger.isAtBoundary("1999ms")]).toEqual([
      false,
      true,
      false,
    ]);
    await clock.advance("3597s");
    expect(trigger.isAtBoundary()).toBe(true);
  });

  test("shows its state", async () => {
    const clock = new ManualClock();
    using trigger = new TimeTrigger("1d", { clock, timezone: "Europe/Paris", offset: "9h", name: "daily" });
    trigger.onBoundary(() => {});
    await clock.advance("1d");
    const snapshot = {
      kind: "schedule",
      name: "daily",
      every: 86_400,
      timezone: "Europe/Paris",
      offset: 32_400,
      nextBoundary: "2025-01-02T08:00:00.000Z",
      callbacks: 1,
      stats: { calls: 1, missed: 0, overruns: 0, failures: 0, lastBoundary: "2025-01-01T08:00:00.000Z" },
    };
    expect(trigger.snapshot()).toEqual(snapshot);
    expect(JSON.parse(JSON.stringify(trigger))).toEqual(snapshot);
    expect(inspect(trigger)).toMatch(/^TimeTrigger \{\n {2}kind: 'schedule'/);
    expect(Object.isFrozen(trigger.snapshot()) && Object.isFrozen(trigger.stats)).toBe(true);
  });

  test("publishes its events", async () => {
    const clock = new ManualClock();
    const published: unknown[] = [];
    const listener = (message: unknown): number => published.push(message);
    subscribe("kstlib.resilience.schedule.boundary", listener);
    try {
      new TimeTrigger("1h", { clock, name: "hourly" }).onBoundary(() => {});
      await clock.advance("1h");
    } finally {
      unsubscribe("kstlib.resilience.schedule.boundary", listener);
    }
    expect(published).toEqual([{ name: "hourly", boundary: new Date("2025-01-01T01:00:00Z"), missed: 0 }]);
  });
});
