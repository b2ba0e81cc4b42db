import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

const DAY_MS = 86_400_000;

describe("the clock of the machine", () => {
  let clock: typeof import("../../src/kernel/clock.js").realClock;

  beforeEach(async () => {
    vi.useFakeTimers();
    vi.resetModules();
    ({ realClock: clock } = await import("../../src/kernel/clock.js"));
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("fires a timer once, not before its time", () => {
    const callback = vi.fn<() => void>();
    clock.setTimer(callback, 250);
    vi.advanceTimersByTime(249);
    expect(callback).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(callback).toHaveBeenCalledOnce();
    vi.advanceTimersByTime(10_000);
    expect(callback).toHaveBeenCalledOnce();
  });

  test.each([0, -5, 0.2])("fires a timer of %d ms soon, and never within the call that sets it", (delay) => {
    const callback = vi.fn<() => void>();
    clock.setTimer(callback, delay);
    expect(callback).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(callback).toHaveBeenCalledOnce();
  });

  test.each([30, 365])("keeps a timer of %d days, beyond what a 32-bit timeout holds", (days) => {
    const callback = vi.fn<() => void>();
    clock.setTimer(callback, days * DAY_MS);
    vi.advanceTimersByTime(days * DAY_MS - 1);
    expect(callback).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(callback).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("sleeps again when the system woke it too early", () => {
    const callback = vi.fn<() => void>();
    const setTimeout = vi.spyOn(globalThis, "setTimeout");
    clock.setTimer(callback, 100);
    const wake = setTimeout.mock.calls[0]?.[0];
    vi.advanceTimersByTime(60);
    wake?.();
    expect(callback).not.toHaveBeenCalled();
    expect(setTimeout).toHaveBeenLastCalledWith(wake, 40);
    setTimeout.mockRestore();
  });

  test("forgets a cancelled timer, also between the stages of a long one", () => {
    const callback = vi.fn<() => void>();
    const short = clock.setTimer(callback, 100);
    const long = clock.setTimer(callback, 60 * DAY_MS);
    vi.advanceTimersByTime(50);
    short.cancel();
    short.cancel();
    vi.advanceTimersByTime(30 * DAY_MS);
    long.cancel();
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(60 * DAY_MS);
    expect(callback).not.toHaveBeenCalled();
  });

  test("lets a timer cancel itself from its own callback", () => {
    const timer = clock.setTimer(() => timer.cancel(), 10);
    expect(() => vi.advanceTimersByTime(10)).not.toThrow();
  });

  test("keeps the process alive for a timer unless told otherwise, in every stage of it", () => {
    const handles: NodeJS.Timeout[] = [];
    const original = globalThis.setTimeout;
    const setTimeout = vi.spyOn(globalThis, "setTimeout").mockImplementation((...args) => {
      const handle = Reflect.apply(original, undefined, args);
      handles.push(handle);
      return handle;
    });
    clock.setTimer(() => {}, 10);
    clock.setTimer(() => {}, 10, { ref: true });
    clock.setTimer(() => {}, 10, {});
    clock.setTimer(() => {}, 30 * DAY_MS, { ref: false });
    expect(handles.map((handle) => handle.hasRef())).toEqual([true, true, true, false]);
    vi.advanceTimersByTime(25 * DAY_MS);
    expect(handles[4]?.hasRef()).toBe(false);
    setTimeout.mockRestore();
  });
});

describe("the real readings", () => {
  test("are the machine's own: one that never goes back, one since 1970", async () => {
    vi.resetModules();
    const { realClock } = await import("../../src/kernel/clock.js");
    const before = performance.now();
    const reading = realClock.now();
    expect(reading).toBeGreaterThanOrEqual(before);
    expect(realClock.now()).toBeGreaterThanOrEqual(reading);
    expect(Math.abs(realClock.wallNow() - Date.now())).toBeLessThan(60_000);
  });

  test("move past a blocking sleep", async () => {
    const { realClock } = await import("../../src/kernel/clock.js");
    const start = realClock.now();
    realClock.sleepSync(5);
    expect(realClock.now() - start).toBeGreaterThanOrEqual(5);
    for (const none of [0, -1, Number.NaN]) realClock.sleepSync(none);
  });
});

describe("when a test puts fake timers in place of the real ones", () => {
  type Time = typeof import("../../src/kernel/clock.js");
  const load = async (): Promise<Time["realClock"]> => {
    vi.resetModules();
    return (await import("../../src/kernel/clock.js")).realClock;
  };
  afterEach(() => {
    vi.useRealTimers();
  });

  test.each([
    ["all of them", undefined],
    ["not performance", ["setTimeout", "clearTimeout", "Date"]],
    ["only timers", ["setTimeout", "clearTimeout"]],
  ] as const)("(%s) a timer follows them, and so does the time", async (_what, toFake) => {
    const clock = await load();
    clock.now();
    vi.useFakeTimers(toFake && { toFake: [...toFake] });
    const start = clock.now();
    const callback = vi.fn<() => void>();
    clock.setTimer(callback, 60_000, { ref: false });
    vi.advanceTimersByTime(59_999);
    expect(callback).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(callback).toHaveBeenCalledOnce();
    expect(clock.now() - start).toBeGreaterThanOrEqual(60_000);
    expect(clock.now() - start).toBeLessThan(90_000);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("readings go on from the last one, there and back, whatever the fakes begin with", async () => {
    const clock = await load();
    const readings = [clock.now()];
    for (const now of [0, 5e12, 1]) {
      vi.useFakeTimers({ now });
      readings.push(clock.now());
      vi.advanceTimersByTime(1000);
      readings.push(clock.now());
      vi.useFakeTimers({ now, toFake: ["setTimeout", "Date"] });
      readings.push(clock.now());
      vi.advanceTimersByTime(1000);
      readings.push(clock.now());
      vi.useRealTimers();
      readings.push(clock.now());
    }
    const steps = readings.slice(1).map((reading, index) => reading - (readings[index] ?? 0));
    expect(Math.min(...steps)).toBeGreaterThanOrEqual(0);
    // Six times a second of fake time, and the little that the test itself took.
    expect(steps.filter((step) => step >= 1000)).toHaveLength(6);
    expect(Math.max(...steps)).toBeLessThan(31_000);
  });

  test("time does not go back when the wall clock does, nor ahead when only Date is another", async () => {
    const clock = await load();
    vi.useFakeTimers({ toFake: ["Date"] });
    const start = clock.now();
    for (const date of [0, 5e12, 1e9]) {
      vi.setSystemTime(date);
      expect(clock.now() - start).toBeLessThan(30_000);
    }
    vi.useRealTimers();
    vi.useFakeTimers({ now: 1e12, toFake: ["Date", "setTimeout"] });
    const followed = clock.now();
    vi.setSystemTime(0);
    expect(clock.now()).toBeGreaterThanOrEqual(followed);
    vi.advanceTimersByTime(500);
    expect(clock.now() - followed).toBeGreaterThanOrEqual(500);
    expect(clock.now() - followed).toBeLessThan(1000);
  });

  test("a timer that was set under the fakes fires in real time after them, one that was cancelled does not", async () => {
    const clock = await load();
    vi.useFakeTimers();
    const cancelled = vi.fn<() => void>();
    const timer = clock.setTimer(cancelled, 1);
    const fired = new Promise<void>((resolve) => clock.setTimer(resolve, 20));
    vi.useRealTimers();
    timer.cancel();
    clock.now();
    await fired;
    expect(cancelled).not.toHaveBeenCalled();
  });

  test("a timer that was set before them is moved to them, and can be cancelled under them", async () => {
    const clock = await load();
    const callback = vi.fn<() => void>();
    clock.setTimer(callback, 1e6);
    const timer = clock.setTimer(() => expect.fail("it was cancelled"), 1e6);
    vi.useFakeTimers();
    clock.now();
    timer.cancel();
    vi.advanceTimersByTime(1e6);
    expect(callback).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("a real timer that finds the fakes when it fires, fires once", async () => {
    const clock = await load();
    const callback = vi.fn<() => void>();
    const fired = new Promise<void>((resolve) => {
      clock.setTimer(() => {
        callback();
        resolve();
      }, 5);
    });
    vi.useFakeTimers();
    await fired;
    vi.advanceTimersByTime(1000);
    expect([callback.mock.calls.length, vi.getTimerCount()]).toEqual([1, 0]);
  });

  test("a real timer that fires a little early, as Node's do, and finds the fakes, fires all the same", async () => {
    const set: (() => void)[] = [];
    const real = globalThis.setTimeout;
    vi.stubGlobal("setTimeout", (run: () => void) => {
      set.push(run);
      return real(() => {}, 0);
    });
    const clock = await load();
    const callback = vi.fn<() => void>();
    set.length = 0;
    clock.setTimer(callback, 5);
    const [fire] = set;
    vi.useFakeTimers();
    fire?.();
    vi.unstubAllGlobals();
    expect([callback.mock.calls.length, vi.getTimerCount()]).toEqual([1, 0]);
  });

  test("a blocking sleep blocks, and the time is over after it", async () => {
    const clock = await load();
    vi.useFakeTimers();
    const start = clock.now();
    clock.sleepSync(20);
    expect(clock.now() - start).toBeGreaterThanOrEqual(20);
  });
});
