import { getEventListeners } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { HeartbeatError } from "../../src/heartbeat/errors.js";
import { Heartbeat } from "../../src/heartbeat/heartbeat.js";
import type { HeartbeatOptions } from "../../src/heartbeat/options.js";
import type { HeartbeatState } from "../../src/heartbeat-file/state.js";
import type { Clock } from "../../src/kernel/clock.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import { collectWarnings, temporaryFolder } from "./folder.js";

afterEach(() => {
  vi.restoreAllMocks();
});

function setup(options: HeartbeatOptions = {}) {
  const folder = temporaryFolder();
  const stateFile = path.join(folder, "app.heartbeat");
  const clock = new ManualClock();
  const heartbeat = new Heartbeat({ stateFile, clock, ...options });
  return { folder, stateFile, clock, heartbeat, read: () => Heartbeat.readStateSync(stateFile) };
}

/** Makes the next rename wait until `release`; `begun` is when it was called. */
function holdRename() {
  const rename = fs.promises.rename.bind(fs.promises);
  const spy = vi.spyOn(fs.promises, "rename");
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const begun = new Promise<void>((resolve) => {
    spy.mockImplementationOnce(async (from, to) => {
      resolve();
      await held;
      await rename(from, to);
    });
  });
  return { begun, release, spy };
}

/** A heartbeat whose folder is a file until `repair`. */
function broken(options: HeartbeatOptions = {}) {
  const folder = path.join(temporaryFolder(), "run");
  fs.writeFileSync(folder, "");
  const stateFile = path.join(folder, "app.heartbeat");
  const clock = new ManualClock();
  const heartbeat = new Heartbeat({ stateFile, clock, ...options });
  return { stateFile, clock, heartbeat, repair: () => fs.rmSync(folder) };
}

describe("update of a heartbeat", () => {
  test("writes the new interval at once, and then a beat at each interval", async () => {
    const { clock, heartbeat, read } = setup({ interval: 10 });
    heartbeat.start();
    await clock.advance(3);
    heartbeat.update({ interval: "1m" });
    await clock.advance(0);
    expect(read()).toMatchObject({ interval: 60, sequence: 2 });
    expect([heartbeat.interval, clock.pendingTimers]).toEqual([60, 1]);
    await clock.advance(59);
    expect(read()?.sequence).toBe(2);
    await clock.advance(1);
    expect(read()?.sequence).toBe(3);
    await heartbeat.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  test("writes nothing when it does not run", async () => {
    const { clock, heartbeat, read } = setup();
    heartbeat.update({ interval: 5 });
    await clock.advance(20);
    expect([heartbeat.snapshot().interval, clock.pendingTimers, read()]).toEqual([5, 0, null]);
  });
});

describe("a running heartbeat", () => {
  test("writes at once and then at each interval", async () => {
    const { clock, heartbeat, read, stateFile } = setup({ metadata: { version: "1.0.0" } });
    heartbeat.start();
    expect(heartbeat.isRunning).toBe(true);
    await clock.advance(0);
    expect(read()).toMatchObject({
      timestamp: "2025-01-01T00:00:00.000000+00:00",
      startedAt: "2025-01-01T00:00:00.000000+00:00",
      pid: process.pid,
      hostname: os.hostname(),
      metadata: { version: "1.0.0" },
      status: "running",
      interval: 10,
      sequence: 1,
    });
    await clock.advance(10);
    expect(read()).toMatchObject({ timestamp: "2025-01-01T00:00:10.000000+00:00", sequence: 2 });
    expect(await Heartbeat.readState(stateFile)).toEqual(read());
    await clock.advance(25);
    expect(read()).toMatchObject({ timestamp: "2025-01-01T00:00:30.000000+00:00", sequence: 4 });
    await heartbeat.stop();
  });

  test("has its status, interval and file as properties, like its snapshot", async () => {
    const { clock, heartbeat, stateFile } = setup({ interval: "500ms" });
    const said: unknown[] = [];
    const look = (): void => {
      const { status, interval } = heartbeat;
      expect(heartbeat.snapshot()).toMatchObject({ status, interval, stateFile: heartbeat.stateFile });
      said.push([status, interval, heartbeat.stateFile]);
    };
    look();
    heartbeat.start();
    look();
    heartbeat.drain();
    look();
    await heartbeat.stop();
    look();
    const statuses = ["starting", "running", "draining", "stopped"];
    expect(said).toEqual(statuses.map((status) => [status, 0.5, stateFile]));
    expect(new Heartbeat({ clock }).stateFile).toBeUndefined();
  });

  test("writes one beat after a pause of many intervals, and the next on the old schedule", async () => {
    const times: string[] = [];
    const { clock, heartbeat } = setup({ onBeat: (state) => times.push(state.timestamp.slice(14, 19)) });
    heartbeat.start();
    await clock.advance(0);
    clock.sleepSync(57_000);
    await clock.advance(0);
    await clock.advance(13);
    await heartbeat.stop();
    expect(times).toEqual(["00:00", "00:57", "01:00", "01:10"]);
  });

  test("keeps its pace when the wall clock jumps", async () => {
    const { clock, heartbeat, read } = setup();
    heartbeat.start();
    await clock.advance(5);
    clock.jumpWall(-3600);
    await clock.advance(5);
    expect(read()).toMatchObject({ timestamp: "2024-12-31T23:00:10.000000+00:00", sequence: 2 });
    await heartbeat.stop();
  });

  test("cannot be started twice", async () => {
    const { clock, heartbeat } = setup();
    heartbeat.start();
    expect(() => heartbeat.start()).toThrow(HeartbeatError);
    expect(() => heartbeat.start()).toThrow(expect.objectContaining({ code: "ERR_HEARTBEAT_RUNNING" }));
    expect(clock.pendingTimers).toBe(1);
    await heartbeat.stop();
  });

  test("holds a timer that does not keep the process alive", async () => {
    const inner = new ManualClock();
    const setTimer = vi.spyOn(inner, "setTimer");
    const { heartbeat } = setup({ clock: inner });
    heartbeat.start();
    await heartbeat.stop();
    expect(setTimer.mock.calls.map(([, , options]) => options)).toEqual([{ ref: false }]);
  });

  test("works without a file, only with callbacks and events", async () => {
    const clock = new ManualClock();
    const states: HeartbeatState[] = [];
    const events: HeartbeatState[] = [];
    const heartbeat = new Heartbeat({ clock, onBeat: (state) => states.push(state) });
    heartbeat.on("beat", (state) => events.push(state));
    heartbeat.start();
    // Never from within start(): the caller has not seen it return.
    expect(states).toEqual([]);
    await clock.advance(20);
    expect(states.map((state) => state.sequence)).toEqual([1, 2, 3]);
    expect(events).toEqual(states);
    expect(Object.isFrozen(states[0])).toBe(true);
    await heartbeat.stop();
    expect(states).toHaveLength(3);
  });
});

describe("a heartbeat that warms up", () => {
  test("has the status starting until it is ready, and then writes running at once", async () => {
    const { clock, heartbeat, read, stateFile } = setup();
    heartbeat.start({ ready: false });
    await clock.advance(20);
    expect(read()).toMatchObject({ status: "starting", sequence: 3 });
    expect(await Heartbeat.isAlive(stateFile, { clock })).toBe(true);
    heartbeat.ready();
    heartbeat.ready();
    await clock.advance(0);
    expect(read()).toMatchObject({ status: "running", sequence: 4 });
    await heartbeat.stop();
  });

  test("drains without ever having been ready, and is not ready after that", async () => {
    const { clock, heartbeat, read } = setup();
    heartbeat.start({ ready: false });
    heartbeat.drain();
    heartbeat.ready();
    await clock.advance(0);
    expect(read()).toMatchObject({ status: "draining" });
    await heartbeat.stop();
    heartbeat.ready();
    await clock.advance(0);
    expect(read()).toMatchObject({ status: "stopped" });
  });

  test("is not made ready before its start", async () => {
    const { clock, folder, heartbeat, read } = setup();
    heartbeat.ready();
    await clock.advance(0);
    expect(fs.readdirSync(folder)).toEqual([]);
    heartbeat.start({ ready: false });
    await clock.advance(0);
    expect(read()).toMatchObject({ status: "starting" });
    await heartbeat.stop();
  });

  test.each([[{ ready: 0 }], [{ ready: null }], [{ raedy: false }], [null], [5]])(
    "is not started with %j",
    (options) => {
      const { heartbeat } = setup();
      expect(() => heartbeat.start(options as object)).toThrow(TypeError);
      expect(heartbeat.isRunning).toBe(false);
    },
  );
});

describe("stopping a heartbeat", () => {
  test("writes the status stopped last, and leaves no timer and no other file", async () => {
    const { clock, folder, heartbeat, read, stateFile } = setup();
    heartbeat.start();
    await clock.advance(10);
    await heartbeat.stop();
    expect(heartbeat.isRunning).toBe(false);
    expect(read()).toMatchObject({ status: "stopped", sequence: 3 });
    expect(await Heartbeat.check(stateFile, { clock })).toMatchObject({ status: "stopped", age: 0 });
    expect(clock.pendingTimers).toBe(0);
    expect(fs.readdirSync(folder)).toEqual(["app.heartbeat"]);
    await clock.advance(60);
    expect(read()).toMatchObject({ sequence: 3 });
  });

  test("is idempotent, and has no effect before start()", async () => {
    const { heartbeat, folder, read } = setup();
    await heartbeat.stop();
    expect(fs.readdirSync(folder)).toEqual([]);
    heartbeat.start();
    const first = heartbeat.stop();
    expect(heartbeat.stop()).toBe(first);
    await first;
    await heartbeat.stop();
    expect(read()).toMatchObject({ status: "stopped" });
  });

  test("waits for the write in flight, so that its beat does not come after the last one", async () => {
    const { heartbeat, read } = setup();
    const order: string[] = [];
    heartbeat.on("beat", () => order.push("beat"));
    const { begun, release } = holdRename();
    heartbeat.start();
    const stopped = heartbeat.stop().then(() => order.push("stopped"));
    await begun;
    expect(order).toEqual([]);
    release();
    await stopped;
    expect(order).toEqual(["beat", "stopped"]);
    expect(read()).toMatchObject({ status: "stopped", sequence: 2 });
  });

  test("is complete at the end of an await using block, and has begun at the end of a using block", async () => {
    const { clock, heartbeat, read } = setup();
    {
      await using running = heartbeat;
      running.start();
    }
    expect(read()).toMatchObject({ status: "stopped" });
    {
      using running = heartbeat;
      running.start();
    }
    expect(heartbeat.isRunning).toBe(false);
    await clock.advance(0);
    expect(read()).toMatchObject({ status: "stopped" });
    expect(clock.pendingTimers).toBe(0);
  });

  test("can be followed by another start, with its own start time", async () => {
    const { clock, heartbeat, read } = setup();
    heartbeat.start();
    await clock.advance(30);
    await heartbeat.stop();
    heartbeat.start();
    await clock.advance(0);
    expect(read()).toMatchObject({ status: "running", startedAt: "2025-01-01T00:00:30.000000+00:00" });
    await heartbeat.stop();
  });

  test("does not reject when the last write fails", async () => {
    const { clock, heartbeat } = broken();
    heartbeat.start();
    await clock.advance(0);
    await expect(heartbeat.stop()).resolves.toBeUndefined();
    expect(heartbeat.snapshot()).toMatchObject({ missedBeats: 2, status: "stopped" });
  });
});

describe("beat()", () => {
  test("before start() writes a heartbeat that is starting", async () => {
    const { clock, heartbeat, read, stateFile } = setup();
    await heartbeat.beat();
    expect(read()).toMatchObject({ status: "starting", sequence: 1 });
    expect(await Heartbeat.isAlive(stateFile, { clock })).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  test("resolves when the file is written, and calls during a write share the next one", async () => {
    const { heartbeat, read } = setup();
    heartbeat.start();
    await Promise.all([heartbeat.beat(), heartbeat.beat(), heartbeat.beat()]);
    expect(read()).toMatchObject({ sequence: 2 });
    await heartbeat.stop();
  });

  test("rejects after stop(), and the file still says stopped", async () => {
    const { heartbeat, read } = setup();
    heartbeat.start();
    await heartbeat.stop();
    await expect(heartbeat.beat()).rejects.toMatchObject({ code: "ERR_HEARTBEAT_STOPPED" });
    expect(read()).toMatchObject({ status: "stopped" });
  });

  test("rejects with the system's error as its cause", async () => {
    const missed = vi.fn<(error: HeartbeatError) => void>();
    const { heartbeat } = broken({ onMissedBeat: missed });
    const error: unknown = await heartbeat.beat().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(HeartbeatError);
    expect(error).toMatchObject({
      name: "HeartbeatError",
      code: "ERR_HEARTBEAT_WRITE",
      cause: { code: "ENOTDIR" },
      message: expect.stringContaining('heartbeat "heartbeat" missed a beat: ENOTDIR'),
    });
    expect(missed).toHaveBeenCalledExactlyOnceWith(error);
  });
});

describe("a beat that cannot be written", () => {
  test("becomes one warning for a series if there is no listener", async () => {
    const warnings: string[] = [];
    const emit = vi
      .spyOn(process, "emitWarning")
      .mockImplementation((message) => void warnings.push(String(message)));
    const { clock, heartbeat } = broken();
    heartbeat.start();
    await clock.advance(35);
    const { heartbeat: heard } = broken({ onMissedBeat: () => {} });
    await heard.beat().catch(() => {});
    emit.mockRestore();
    expect(heartbeat.snapshot().missedBeats).toBeGreaterThan(2);
    expect(warnings).toEqual([expect.stringContaining('heartbeat "heartbeat" missed a beat: ENOTDIR')]);
    await heartbeat.stop();
  });

  test("is reported to onMissedBeat, onAlert and the listeners, and the next one is attempted", async () => {
    const missed: HeartbeatError[] = [];
    const alerts: unknown[][] = [];
    const events: HeartbeatError[] = [];
    const { clock, heartbeat, repair, stateFile } = broken({
      name: "bot",
      onMissedBeat: (error) => missed.push(error),
      onAlert: (...alert) => alerts.push(alert),
    });
    heartbeat.on("missedBeat", (error) => events.push(error));
    heartbeat.start();
    await clock.advance(10);
    expect(missed).toHaveLength(2);
    expect(events).toEqual(missed);
    expect(alerts[1]).toEqual([
      "heartbeat",
      missed[1]?.message,
      {
        name: "bot",
        stateFile,
        pid: process.pid,
        event: "missedBeat",
        code: "ERR_HEARTBEAT_WRITE",
      },
    ]);
    expect(heartbeat.snapshot()).toMatchObject({ missedBeats: 2, beats: 0, lastError: missed[1]?.message });
    repair();
    await clock.advance(10);
    expect(Heartbeat.readStateSync(stateFile)).toMatchObject({ sequence: 3 });
    expect(heartbeat.snapshot()).toMatchObject({ missedBeats: 2, beats: 1, lastError: null });
    await heartbeat.stop();
  });

  test("causes no unhandled rejection, even with a clock that tracks nothing", async () => {
    const unhandled = vi.fn<() => void>();
    process.on("unhandledRejection", unhandled);
    const { clock: inner, heartbeat: _ } = setup();
    const clock = untracked(inner);
    const { heartbeat } = broken({ clock });
    heartbeat.start();
    heartbeat.drain();
    await heartbeat.stop();
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
    expect(heartbeat.snapshot().missedBeats).toBe(2);
  });

  test("because the previous write hangs is a missed beat, and does not begin a second write", async () => {
    const inner = new ManualClock();
    const missed: HeartbeatError[] = [];
    const { heartbeat, read } = setup({
      clock: untracked(inner),
      onMissedBeat: (error) => missed.push(error),
    });
    const { begun, release, spy } = holdRename();
    heartbeat.start();
    await begun;
    await inner.advance(25);
    expect(missed.map((error) => error.message)).toEqual([
      'heartbeat "heartbeat" missed a beat: the previous write has not ended after 10s.',
      'heartbeat "heartbeat" missed a beat: the previous write has not ended after 20s.',
    ]);
    expect(spy).toHaveBeenCalledOnce();
    const beaten = new Promise((resolve) => {
      heartbeat.on("beat", resolve);
    });
    release();
    await beaten;
    expect(heartbeat.snapshot().beats).toBe(1);
    await heartbeat.stop();
    expect(read()).toMatchObject({ status: "stopped", sequence: 2 });
  });

  test("does not include one that is due just after another write has begun", async () => {
    const inner = new ManualClock();
    const { heartbeat } = setup({ clock: untracked(inner) });
    heartbeat.start();
    await heartbeat.beat();
    await inner.advance(9);
    const beat = heartbeat.beat();
    const ticking = inner.advance(1);
    await Promise.all([beat, ticking]);
    expect(heartbeat.snapshot().missedBeats).toBe(0);
    await heartbeat.stop();
  });
});

/** A manual clock that does not wait for writes. */
function untracked(clock: ManualClock): Clock {
  return {
    now: () => clock.now(),
    wallNow: () => clock.wallNow(),
    setTimer: (callback, delay) => clock.setTimer(callback, delay),
    sleepSync: (delay) => clock.sleepSync(delay),
  };
}

describe("metadata", () => {
  test("as a function is called at each beat", async () => {
    let orders = 0;
    const { clock, heartbeat, read } = setup({ metadata: () => ({ orders: ++orders }) });
    heartbeat.start();
    await clock.advance(10);
    expect(read()?.metadata).toEqual({ orders: 2 });
    await heartbeat.stop();
  });

  test("as an object is copied at construction", async () => {
    const metadata = { list: [1] };
    const { heartbeat, read } = setup({ metadata });
    metadata.list.push(2);
    await heartbeat.beat();
    expect(read()?.metadata).toEqual({ list: [1] });
  });

  test.each<[string, HeartbeatOptions["metadata"]]>([
    ["an object", { a: { b: 1 }, list: [{ c: 1 }] }],
    ["a function", () => ({ a: { b: 1 }, list: [{ c: 1 }] })],
  ])("from %s cannot be changed by who is told of a beat", async (_what, metadata) => {
    const refused: boolean[] = [];
    const { clock, heartbeat, read } = setup({
      metadata,
      onBeat: (state) => {
        const { a, list } = state.metadata as { a: object; list: [object] };
        refused.push(!Reflect.set(a, "b", 2), !Reflect.set(list[0], "c", 2), !Reflect.set(list, "1", 2));
      },
    });
    heartbeat.start();
    await clock.advance(20);
    expect(read()).toMatchObject({ metadata: { a: { b: 1 }, list: [{ c: 1 }] }, sequence: 3 });
    expect(refused).toEqual(Array.from({ length: 9 }, () => true));
    await heartbeat.stop();
  });

  test("from a function that calls beat() is the metadata of that beat", async () => {
    let calls = 0;
    let asked: Promise<void> | undefined;
    const { heartbeat, read }: ReturnType<typeof setup> = setup({
      metadata: () => {
        asked = heartbeat.beat();
        return { calls: ++calls };
      },
    });
    await heartbeat.beat();
    await asked;
    expect(read()).toMatchObject({ metadata: { calls: 1 }, sequence: 1 });
    expect(heartbeat.snapshot()).toMatchObject({ beats: 1, missedBeats: 0 });
  });

  test("from a function that stops the heartbeat is that of the last write", async () => {
    const writes = vi.spyOn(fs.promises, "rename");
    let stopped: Promise<void> | undefined;
    const { clock, heartbeat, read }: ReturnType<typeof setup> = setup({
      metadata: () => {
        stopped = heartbeat.stop();
        return { last: true };
      },
    });
    heartbeat.start();
    await stopped;
    expect(read()).toMatchObject({ status: "stopped", metadata: { last: true }, sequence: 1 });
    await clock.advance(20);
    expect(writes).toHaveBeenCalledOnce();
    expect(clock.pendingTimers).toBe(0);
  });

  const circular: Record<string, unknown> = {};
  circular["self"] = circular;
  test.each<[string, () => unknown]>([
    ["throws", () => Promise.reject(new Error("async")).then(() => ({}))],
    ["returns a promise", () => Promise.resolve({})],
    ["returns a rejecting promise", () => Promise.reject(new Error("async"))],
    ["returns nothing", () => undefined],
    ["returns a list", () => []],
    ["returns what refers to itself", () => circular],
    ["returns what JSON cannot hold", () => ({ big: 1n })],
    ["returns a Map", () => new Map()],
    ["returns what holds a Map", () => ({ orders: new Map() })],
    ["returns too much", () => ({ text: "x".repeat(2 ** 20) })],
    [
      "throws",
      () => {
        throw new Error("metadata is down");
      },
    ],
  ])("from a function that %s leaves the last good one and warns once", async (_what, fail) => {
    const warnings = collectWarnings("KSTLIB_METADATA_FAILED");
    let failing = false;
    const metadata = (): Record<string, unknown> => (failing ? (fail() as object) : { good: true }) as never;
    const { clock, heartbeat, read } = setup({ metadata });
    heartbeat.start();
    await clock.advance(0);
    failing = true;
    await clock.advance(20);
    expect(read()).toMatchObject({ metadata: { good: true }, sequence: 3 });
    expect(heartbeat.snapshot()).toMatchObject({ beats: 3, missedBeats: 0 });
    expect(warnings).toHaveLength(1);
    failing = false;
    await clock.advance(10);
    failing = true;
    await clock.advance(10);
    expect(warnings).toHaveLength(2);
    await heartbeat.stop();
  });
});

describe("a target", () => {
  test("is reported dead once per death", async () => {
    const target = { isDead: false };
    const dead = vi.fn<() => void>();
    const listener = vi.fn<(event: object) => void>();
    const alert = vi.fn<(...alert: unknown[]) => void>();
    const { clock, heartbeat } = setup({ name: "ws", target, onTargetDead: dead, onAlert: alert });
    heartbeat.on("targetDead", listener);
    const alive = vi.fn<(info: object) => void>();
    heartbeat.on("targetAlive", alive);
    heartbeat.start();
    await clock.advance(10);
    expect(dead).not.toHaveBeenCalled();
    target.isDead = true;
    await clock.advance(30);
    expect(dead).toHaveBeenCalledExactlyOnceWith();
    expect(listener).toHaveBeenCalledExactlyOnceWith({ name: "ws" });
    expect(alert).toHaveBeenCalledExactlyOnceWith(
      "heartbeat",
      'the target of heartbeat "ws" is dead.',
      expect.objectContaining({ event: "targetDead", name: "ws" }),
    );
    expect(heartbeat.snapshot()).toMatchObject({ isTargetDead: true, beats: 5 });
    expect(alive).not.toHaveBeenCalled();
    target.isDead = false;
    await clock.advance(20);
    expect(alive).toHaveBeenCalledExactlyOnceWith({ name: "ws" });
    target.isDead = true;
    await clock.advance(20);
    expect(dead).toHaveBeenCalledTimes(2);
    expect(alive).toHaveBeenCalledOnce();
    await heartbeat.stop();
  });

  test("that the shutdown itself ends is not reported: it does not die while the heartbeat drains", async () => {
    const target = { isDead: false };
    const dead = vi.fn<() => void>();
    const { clock, heartbeat } = setup({ target, onTargetDead: dead });
    heartbeat.start();
    await clock.advance(10);
    heartbeat.drain();
    target.isDead = true;
    await clock.advance(30);
    expect(dead).not.toHaveBeenCalled();
    expect(heartbeat.snapshot()).toMatchObject({ status: "draining", isTargetDead: false });
    await heartbeat.stop();
  });

  test("that is already dead is reported at the start", async () => {
    const dead = vi.fn<() => void>();
    const { heartbeat } = setup({ target: { isDead: true }, onTargetDead: dead });
    heartbeat.start();
    expect(dead).toHaveBeenCalledOnce();
    await heartbeat.stop();
  });

  test("whose getter throws does not disturb the beats, and is not dead", async () => {
    const warnings = collectWarnings("KSTLIB_LISTENER_FAILED");
    const dead = vi.fn<() => void>();
    const target = {
      get isDead(): boolean {
        throw new Error("no idea");
      },
    };
    const { clock, heartbeat } = setup({ target, onTargetDead: dead });
    heartbeat.start();
    await clock.advance(20);
    expect(dead).not.toHaveBeenCalled();
    expect(heartbeat.snapshot().beats).toBe(3);
    expect(warnings).toHaveLength(1);
    await heartbeat.stop();
  });

  test("is dead only when isDead is true", async () => {
    const dead = vi.fn<() => void>();
    const { heartbeat } = setup({ target: { isDead: Promise.resolve(false) as never }, onTargetDead: dead });
    heartbeat.start();
    await heartbeat.stop();
    expect(dead).not.toHaveBeenCalled();
  });

  test("may stop the heartbeat in its callback", async () => {
    const { clock, heartbeat, read }: ReturnType<typeof setup> = setup({
      target: { isDead: true },
      onTargetDead: () => heartbeat.stop(),
    });
    heartbeat.start();
    expect(heartbeat.isRunning).toBe(false);
    await clock.advance(20);
    expect(read()).toMatchObject({ status: "stopped", sequence: 1 });
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("callbacks and listeners that throw or reject", () => {
  test("are reported and have no other effect", async () => {
    const warnings = collectWarnings("KSTLIB_LISTENER_FAILED");
    const fail = (): never => {
      throw new Error("callback");
    };
    const reject = (): Promise<never> => Promise.reject(new Error("callback"));
    const { clock, heartbeat, repair } = broken({
      target: { isDead: true },
      onTargetDead: fail,
      onBeat: reject,
      onMissedBeat: fail,
      onAlert: reject,
    });
    heartbeat.on("beat", fail);
    heartbeat.on("missedBeat", reject);
    heartbeat.on("targetDead", fail);
    heartbeat.start();
    await clock.advance(0);
    repair();
    await clock.advance(10);
    expect(heartbeat.snapshot()).toMatchObject({ beats: 1, missedBeats: 1 });
    // onTargetDead, targetDead, onAlert; onMissedBeat, missedBeat, onAlert; onBeat, beat.
    expect(warnings).toHaveLength(8);
    await heartbeat.stop();
  });
});

describe("draining", () => {
  test("is written at once when the shutdown's signal aborts, and beats continue", async () => {
    const controller = new AbortController();
    const { clock, heartbeat, read, stateFile } = setup({ drainOn: controller.signal });
    heartbeat.start();
    await clock.advance(3);
    controller.abort();
    await clock.advance(0);
    expect(read()).toMatchObject({ status: "draining", sequence: 2 });
    expect(await Heartbeat.isAlive(stateFile, { clock })).toBe(true);
    await clock.advance(7);
    expect(read()).toMatchObject({ status: "draining", sequence: 3 });
    await heartbeat.stop();
    expect(read()).toMatchObject({ status: "stopped" });
  });

  test("is the status from the start if the signal has already aborted", async () => {
    const { clock, heartbeat, read } = setup({ drainOn: AbortSignal.abort() });
    heartbeat.start();
    await clock.advance(0);
    expect(read()).toMatchObject({ status: "draining", sequence: 1 });
    await heartbeat.stop();
  });

  test("through drain() happens once, and only while running", async () => {
    const { clock, folder, heartbeat, read } = setup();
    heartbeat.drain();
    await clock.advance(0);
    expect(fs.readdirSync(folder)).toEqual([]);
    heartbeat.start();
    heartbeat.drain();
    heartbeat.drain();
    await clock.advance(0);
    heartbeat.drain();
    await clock.advance(0);
    expect(read()).toMatchObject({ status: "draining", sequence: 2 });
    await heartbeat.stop();
    heartbeat.drain();
    await clock.advance(0);
    expect(read()).toMatchObject({ status: "stopped" });
  });

  test("shares one listener with everything that waits for the same signal", async () => {
    const { signal } = new AbortController();
    const heartbeats = Array.from({ length: 20 }, () => new Heartbeat({ drainOn: signal }));
    for (const heartbeat of heartbeats) heartbeat.start();
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    for (const heartbeat of heartbeats) await heartbeat.stop();
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  test("leaves no listener on the signal after stop()", async () => {
    const { signal } = new AbortController();
    const add = vi.spyOn(signal, "addEventListener");
    const remove = vi.spyOn(signal, "removeEventListener");
    const { heartbeat } = setup({ drainOn: signal });
    expect(add).not.toHaveBeenCalled();
    for (let round = 0; round < 3; round++) {
      heartbeat.start();
      await heartbeat.stop();
    }
    expect(add).toHaveBeenCalledTimes(3);
    expect(remove.mock.calls.map(([, listener]) => listener)).toEqual(
      add.mock.calls.map(([, listener]) => listener),
    );
  });
});

describe("reading a heartbeat", () => {
  async function check(stateFile: string, clock: Clock, maxAge?: number) {
    const options = maxAge === undefined ? { clock } : { clock, maxAge };
    const result = await Heartbeat.check(stateFile, options);
    expect(Heartbeat.checkSync(stateFile, options)).toEqual(result);
    expect(await Heartbeat.isAlive(stateFile, options)).toBe(result.status === "alive");
    expect(Heartbeat.isAliveSync(stateFile, options)).toBe(result.status === "alive");
    return result;
  }

  test("recognises a frozen loop by the age of its file", async () => {
    const { clock, heartbeat, stateFile } = setup();
    heartbeat.start();
    await clock.advance(0);
    clock.sleepSync(30_000);
    expect(await check(stateFile, clock)).toMatchObject({ status: "alive", age: 30 });
    clock.sleepSync(1);
    expect(await check(stateFile, clock)).toMatchObject({ status: "stale", age: 30.001 });
    expect(await check(stateFile, clock, 60)).toMatchObject({ status: "alive" });
    await clock.advance(0);
    expect(await check(stateFile, clock)).toMatchObject({ status: "alive", age: 0 });
    await heartbeat.stop();
  });

  test("does not accept a time in the future", async () => {
    const { clock, heartbeat, stateFile } = setup();
    await heartbeat.beat();
    clock.jumpWall(-5);
    expect(await check(stateFile, clock)).toMatchObject({ status: "alive", age: -5 });
    clock.jumpWall(-1);
    expect(await check(stateFile, clock)).toMatchObject({ status: "unknown", age: -6 });
  });

  test.each<[string, string | Uint8Array]>([
    ["empty", ""],
    ["truncated", '{"timestamp": "2026-01-02T03:04:05.678000+00:00", "pid": 1'],
    ["binary", new Uint8Array([0xff, 0xfe, 0x00, 0x80, 0x7b])],
    ["a list", "[]"],
    ["another program's", '{"pid": 1}'],
    [
      "with an infinite interval",
      '{"timestamp":"2020-01-01T00:00:00+00:00","pid":1,"hostname":"other","interval":1e309}',
    ],
  ])("that is %s gives null and unknown", async (_what, content) => {
    const file = path.join(temporaryFolder(), "a");
    fs.writeFileSync(file, content);
    expect(await Heartbeat.readState(file)).toBeNull();
    expect(await check(file, new ManualClock())).toEqual({
      status: "unknown",
      age: null,
      state: null,
      reason: "not a heartbeat",
    });
  });

  test("that is missing, or is not a file, gives null and unknown", async () => {
    const folder = temporaryFolder();
    for (const [file, reason] of [
      [folder, "not a file"],
      [path.join(folder, "missing"), "no such file"],
    ] as const) {
      expect(Heartbeat.readStateSync(file)).toBeNull();
      expect(await check(file, new ManualClock())).toEqual({
        status: "unknown",
        age: null,
        state: null,
        reason,
      });
    }
  });

  test("that was killed is dead at once", async () => {
    const { clock, heartbeat, stateFile } = setup();
    await heartbeat.beat();
    const file = JSON.parse(fs.readFileSync(stateFile, "utf8"));
    // Beyond the highest pid that any system hands out.
    fs.writeFileSync(stateFile, JSON.stringify({ ...file, pid: 2 ** 31 - 1 }));
    expect(await check(stateFile, clock)).toMatchObject({ status: "dead", age: 0 });
    fs.writeFileSync(stateFile, JSON.stringify({ ...file, pid: 2 ** 31 - 1, hostname: "elsewhere" }));
    expect(await check(stateFile, clock)).toMatchObject({ status: "alive", age: 0 });
  });
});

test("two heartbeats of one process share a folder, and even a file", async () => {
  const { clock, folder, heartbeat, stateFile } = setup();
  const other = new Heartbeat({ clock, stateFile, interval: 5 });
  const neighbour = new Heartbeat({ clock, stateFile: path.join(folder, "other.heartbeat") });
  for (const one of [heartbeat, other, neighbour]) one.start();
  await clock.advance(20);
  await Promise.all([heartbeat.stop(), other.stop(), neighbour.stop()]);
  expect(fs.readdirSync(folder).toSorted()).toEqual(["app.heartbeat", "other.heartbeat"]);
  expect(other.snapshot()).toMatchObject({ beats: 5, missedBeats: 0 });
  expect(clock.pendingTimers).toBe(0);
});

test("an unknown event is refused, and the nearest one suggested", () => {
  const { heartbeat } = setup();
  expect(() => heartbeat.on("missedbeat" as never, () => undefined)).toThrow(/did you mean missedBeat/);
  expect(() => heartbeat.on("beat", null as never)).toThrow(TypeError);
});
