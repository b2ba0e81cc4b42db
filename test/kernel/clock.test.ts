import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

const DAY_MS = 86_400_000;

describe("the clock of the machine", () => {
  let clock: typeof import("../../src/kernel/clock.js").realClock;

  beforeEach(async () => {
    // The module keeps the clock that it finds when it is loaded: give it one that the test moves.
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
    vi.advanceTimersByTime(40);
    wake?.();
    expect(callback).not.toHaveBeenCalled();
    expect(setTimeout).toHaveBeenLastCalledWith(wake, 60);
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
