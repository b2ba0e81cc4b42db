import { beforeAll, describe, expect, test } from "vitest";
import { ManualClock } from "../../src/testing/manual-clock.js";
import type { WatchdogOptions } from "../../src/watchdog/options.js";
import { watchEventLoop } from "../../src/watchdog/watch-event-loop.js";
import { Watchdog } from "../../src/watchdog/watchdog.js";
import { checkBuilt, fixture, type Run, run } from "./fork.js";

function setUp(options: WatchdogOptions = {}) {
  const clock = new ManualClock();
  return { clock, watch: watchEventLoop({ timeout: 10, clock, ...options }) };
}

describe("watchEventLoop", () => {
  test("returns a watchdog that runs and pings itself every second", async () => {
    const { clock, watch } = setUp();
    expect(watch).toBeInstanceOf(Watchdog);
    expect(watch.name).toBe("event loop");
    expect(watch.isRunning).toBe(true);
    await clock.advance(100);
    expect(watch.stats).toMatchObject({ pingsTotal: 100, timeoutsTriggered: 0 });
    expect(watch.snapshot()).toMatchObject({ kind: "watchdog", timeout: 10, isTriggered: false });
  });

  test("pings four times in a timeout that is shorter than four seconds", async () => {
    const { clock, watch } = setUp({ timeout: 2 });
    await clock.advance(2);
    expect(watch.stats.pingsTotal).toBe(4);
  });

  test("stops pinging on stop, leaves no timer behind, and can be started again", async () => {
    const { clock, watch } = setUp();
    watch.stop();
    watch.stop();
    expect(watch.isRunning).toBe(false);
    expect(clock.pendingTimers).toBe(0);
    await clock.advance(5);
    expect(watch.stats.pingsTotal).toBe(0);
    watch.start();
    const timers = clock.pendingTimers;
    watch.start();
    expect(clock.pendingTimers).toBe(timers);
    await clock.advance(5);
    expect(watch.stats.pingsTotal).toBe(5);
    watch.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  test("stops when it is disposed of", () => {
    const { clock, watch } = setUp();
    watch[Symbol.dispose]();
    expect(watch.isRunning).toBe(false);
    expect(clock.pendingTimers).toBe(0);
  });

  test("does not make up for missed pings after the thread stood still", async () => {
    const { clock, watch } = setUp();
    clock.sleepSync(500_000);
    await clock.advance(0);
    expect(watch.stats.pingsTotal).toBe(1);
    await clock.advance(3);
    expect(watch.stats.pingsTotal).toBe(4);
  });

  test("leaves no timer behind when the callback of the last report stops and starts it", () => {
    const { clock, watch } = setUp({
      onTimeout() {
        watch.stop();
        watch.start();
      },
    });
    clock.sleepSync(20_000);
    watch.stop();
    expect(watch.stats.timeoutsTriggered).toBe(1);
    expect(watch.isRunning).toBe(false);
    expect(clock.pendingTimers).toBe(0);
  });

  test("leaves no timer behind when its own ping ends a timeout and the callback stops it", async () => {
    // Looks before it pings.
    const { clock, watch } = setUp({ timeout: 2, pollInterval: 0.3, onRecover: () => watch.stop() });
    let found = false;
    watch.on("timeout", () => {
      found = true;
    });
    clock.sleepSync(20_000);
    await clock.advance(0);
    await clock.advance(5);
    expect({ found, isRunning: watch.isRunning }).toEqual({ found: true, isRunning: false });
    expect(clock.pendingTimers).toBe(0);
  });

  test("a second call makes a second watchdog", () => {
    const { clock, watch } = setUp();
    const other = watchEventLoop({ clock, name: "other" });
    watch.stop();
    expect(other.isRunning).toBe(true);
    other.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  test("pings by the new timeout after an update", async () => {
    const { clock, watch } = setUp({ timeout: 100 });
    await clock.advance(0.9);
    watch.update({ timeout: 1 });
    await clock.advance(1);
    expect(watch.stats).toMatchObject({ pingsTotal: 4, timeoutsTriggered: 0 });
    watch.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  test("names a wrong option", () => {
    expect(() => watchEventLoop({ timeout: -1 })).toThrow(/^timeout /);
    expect(() => watchEventLoop({ timout: 5 } as WatchdogOptions)).toThrow(/timout.*watchEventLoop/);
    expect(() => watchEventLoop({ timeout: 5, pollInterval: 4 })).toThrow(/^pollInterval /);
  });
});

describe.concurrent("a program that calls watchEventLoop", () => {
  const scenario = (name: string): Promise<Run> => run([fixture("watchdog-event-loop.mjs"), name]);
  beforeAll(checkBuilt);

  test("reports what blocks its loop, with the stack, and that it has recovered", async () => {
    const { stderr, events } = await scenario("main");
    expect(events).toEqual([
      { event: "timeout", of: "event loop", kind: "blocked-js", inBlock: true },
      { event: "recover", of: "event loop" },
    ]);
    expect(stderr).toMatch(
      /^\[watchdog\] event loop was not pinged for .*\(blocked-js\)\n(.*\n)*.* at block /m,
    );
  });

  test("reports by the timeout of an update, on the same monitor thread", async () => {
    const { events } = await scenario("updated");
    expect(events).toEqual([
      { event: "timeout", of: "event loop", kind: "blocked-js", inBlock: true },
      { event: "recover", of: "event loop" },
    ]);
  });

  // The inspector does not get into a worker thread from outside.
  test("reports the same for a worker thread, without the stack", async () => {
    const { events } = await scenario("worker");
    expect(events).toEqual([
      { event: "timeout", of: "event loop", kind: "blocked-js", inBlock: false },
      { event: "recover", of: "event loop" },
    ]);
  });

  test("ends when it has nothing else to do", async () => {
    await expect(scenario("nothing")).resolves.toEqual({ code: 0, signal: null, stderr: "", events: [] });
  });
});
