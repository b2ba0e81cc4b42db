import { describe, expect, test } from "vitest";
import { ManualClock } from "../../../src/testing/manual-clock.js";
import { beginWatch } from "../../../src/watchdog/deadline.js";
import { CountedTime } from "../../../src/watchdog/monitor/counted-time.js";
import {
  notCounted,
  NotCountedEpisodes,
  type NotCountedLook,
} from "../../../src/watchdog/monitor/not-counted.js";

const TIMEOUT = 1000;

function setUp() {
  const episodes = new NotCountedEpisodes(TIMEOUT);
  return (look: Partial<NotCountedLook> & { starved?: number; suspended?: number }) =>
    episodes.look({
      watch: beginWatch(7, 0),
      pings: 7,
      left: { starved: look.starved ?? 0, suspended: look.suspended ?? 0 },
      counted: 100,
      now: 0,
      ...look,
    });
}

describe("the report of time that is not counted", () => {
  test("is not made while it would not have been a timeout", () => {
    const look = setUp();
    expect(look({ starved: 899 })).toBeUndefined();
    expect(look({ starved: 899, pings: 8 })).toBeUndefined();
    expect(look({ counted: 999 })).toBeUndefined();
  });

  test("is not made when there is a timeout anyway, or was one before", () => {
    expect(setUp()({ starved: 5000, counted: TIMEOUT })).toBeUndefined();
    expect(setUp()({ starved: 5000, watch: { ...beginWatch(7, 0), reported: "blocked" } })).toBeUndefined();
  });

  test("waits for the ping, or until that time alone is as long as the timeout", () => {
    const look = setUp();
    expect(look({ starved: 400, counted: 600 })).toBeUndefined();
    expect(look({ starved: 400, counted: 700, pings: 8 })).toBe("starved");
    expect(setUp()({ starved: TIMEOUT, counted: 0 })).toBe("starved");
  });

  test("does not regard a ping of unknown time as late, except after a stop", () => {
    expect(setUp()({ starved: 950, pings: 8 })).toBeUndefined();
    expect(setUp()({ suspended: 950, pings: 8 })).toBe("suspended");
  });

  test("names the kind of the greater part", () => {
    expect(setUp()({ starved: 1100, suspended: 1200 })).toBe("suspended");
    expect(setUp()({ starved: 1200, suspended: 1100 })).toBe("starved");
  });

  test("is made once for a stop before the next ping, and again for the next stop", () => {
    const look = setUp();
    expect(look({ suspended: 2000 })).toBe("suspended");
    expect(look({ suspended: 2000, pings: 8 })).toBeUndefined();
    expect(look({ suspended: 2000, watch: beginWatch(8, 0), pings: 8 })).toBe("suspended");
  });

  test("is made again for a lack of CPU only after a minute without", () => {
    const look = setUp();
    const at = (now: number, pings: number) =>
      look({ starved: 2000, now, watch: beginWatch(pings, 0), pings });
    expect(at(0, 1)).toBe("starved");
    expect(at(59_000, 2)).toBeUndefined();
    expect(at(118_000, 3)).toBeUndefined();
    expect(at(178_000, 4)).toBe("starved");
  });
});

function timeOf() {
  const clock = new ManualClock();
  const machine = { uptime: 5000, ran: 0, queued: 0, own: 0, ownReadings: 0, runnable: false };
  const time = new CountedTime("/theirs", {
    clock,
    uptime: () => machine.uptime,
    cpuTimes: () => ({ ran: machine.ran, queued: machine.queued }),
    ownCpuTimes: () => {
      machine.ownReadings++;
      return { ran: 0, queued: machine.own };
    },
    isRunnable: () => machine.runnable,
  });
  /** One look after a wait of 100 ms that has taken `elapsed`. */
  const pass = async (elapsed: number, late = true): Promise<readonly number[]> => {
    time.expect(100);
    await clock.advance(elapsed / 1000);
    machine.uptime += elapsed / 1000;
    time.pass(late);
    return [time.counted, time.leftOut.starved, time.leftOut.suspended].map(Math.round);
  };
  return { clock, machine, time, pass };
}

describe("the monitor's time", () => {
  test("goes on with the clock", async () => {
    const { pass, time } = timeOf();
    await pass(100);
    expect(await pass(100)).toEqual([200, 0, 0]);
    expect(time.leftOut).toEqual({ starved: 0, suspended: 0 });
  });

  test("leaves out the time for which a late thread waited for a CPU", async () => {
    const { pass, machine } = timeOf();
    machine.queued = 50;
    await pass(100, false);
    await pass(100);
    machine.queued = 110;
    expect(await pass(100)).toEqual([240, 60, 0]);
  });

  test("leaves out the whole of a wait that the kernel reports late", async () => {
    const { pass, machine } = timeOf();
    for (const _ of [1, 2, 3]) await pass(100);
    machine.queued = 250;
    expect(await pass(100)).toEqual([150, 250, 0]);
  });

  test("leaves out once the time in which both the thread and the monitor waited, in any order", async () => {
    const { pass, machine } = timeOf();
    await pass(100);
    machine.own = 400;
    expect(await pass(500)).toEqual([200, 400, 0]);
    machine.queued = 450;
    expect(await pass(100)).toEqual([250, 450, 0]);
  });

  test("leaves out a wait that still goes on, and does not do so again when it ends", async () => {
    const { pass, machine } = timeOf();
    await pass(100);
    machine.runnable = true;
    await pass(100);
    expect(await pass(100)).toEqual([100, 200, 0]);
    machine.queued = 250;
    machine.ran = 50;
    expect(await pass(100)).toEqual([150, 250, 0]);
  });

  test("finds no wait while the thread sleeps or runs", async () => {
    const { pass, machine } = timeOf();
    await pass(100);
    expect(await pass(100)).toEqual([200, 0, 0]);
    machine.runnable = true;
    machine.ran = 90;
    expect(await pass(100)).toEqual([300, 0, 0]);
  });

  test("counts an assumed wait after all when the thread turns out to have run", async () => {
    const { pass, machine } = timeOf();
    await pass(100);
    machine.runnable = true;
    expect(await pass(100)).toEqual([100, 100, 0]);
    machine.ran = 200;
    expect(await pass(100)).toEqual([300, 0, 0]);
  });

  test("regards a standstill without a wait for a CPU as a stop", async () => {
    const { pass } = timeOf();
    expect(await pass(2100)).toEqual([100, 0, 2000]);
  });

  test("reads the monitor's own CPU times every second, or every ten while it does not wait for a CPU", async () => {
    const { pass, machine } = timeOf();
    const readings = async (waited: number): Promise<number> => {
      const before = machine.ownReadings;
      for (let look = 0; look < 300; look++) {
        machine.own += waited;
        await pass(100, false);
      }
      return machine.ownReadings - before;
    };
    expect(await readings(0)).toBe(3);
    expect(await readings(5)).toBeGreaterThan(20);
  });

  test("counts the time in which the monitor was busy", async () => {
    const { clock, time } = timeOf();
    await clock.advance(2);
    time.expect(undefined);
    time.pass(true);
    expect(time.counted).toBe(2000);
  });

  test("leaves out a sleep in which the monotonic clock stood still", async () => {
    const { pass, clock, machine } = timeOf();
    clock.jumpWall(3600);
    machine.uptime += 3600;
    expect(await pass(100)).toEqual([100, 0, 3_600_000]);
    expect(await pass(100)).toEqual([200, 0, 3_600_000]);
  });

  test("does not regard a wall clock that was set as a sleep", async () => {
    const { pass, clock } = timeOf();
    clock.jumpWall(3600);
    expect(await pass(100)).toEqual([100, 0, 0]);
    clock.jumpWall(-7200);
    expect(await pass(100)).toEqual([200, 0, 0]);
  });
});

test("time that was not counted is a detail of a timeout from 0.1 s on", () => {
  expect(notCounted(0.09)).toEqual({});
  expect(notCounted(0.5)).toEqual({ secondsNotCounted: 0.5 });
});
