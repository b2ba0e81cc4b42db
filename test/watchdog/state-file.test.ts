import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Heartbeat } from "../../src/heartbeat/heartbeat.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import type {
  StateFileOptions,
  StateFileRecoverInfo,
  StateFileTimeoutInfo,
  StateFileVerdict,
} from "../../src/watchdog/state-file-options.js";
import { Watchdog } from "../../src/watchdog/watchdog.js";

const APP = path.resolve("app.heartbeat");

function setUp(options: StateFileOptions = {}) {
  const clock = new ManualClock();
  const timeouts: StateFileTimeoutInfo[] = [];
  const recoveries: StateFileRecoverInfo[] = [];
  const file = { verdict: { status: "alive", age: 1 } as StateFileVerdict, looks: [] as number[] };
  const watchdog = Watchdog.fromStateFile("app.heartbeat", {
    clock,
    check: async () => {
      file.looks.push(clock.now() / 1000);
      return file.verdict;
    },
    onTimeout: (info) => timeouts.push(info),
    onRecover: (info) => recoveries.push(info),
    ...options,
  });
  return { clock, timeouts, recoveries, file, watchdog };
}

const alive = async (): Promise<StateFileVerdict> => ({ status: "alive" });

afterEach(() => {
  vi.restoreAllMocks();
});

describe("Watchdog.fromStateFile", () => {
  it("looks at once and then every checkInterval, until it is stopped", async () => {
    const { clock, file, watchdog } = setUp();
    await clock.advance(16);
    expect(file.looks).toEqual([0, 5, 10, 15]);
    watchdog.stop();
    watchdog.stop();
    expect(clock.pendingTimers).toBe(0);
    await clock.advance(60);
    expect(file.looks).toHaveLength(4);
    watchdog.start();
    watchdog.start();
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(5);
    expect(file.looks).toHaveLength(6);
    watchdog[Symbol.dispose]();
  });

  it("keeps its cadence after the thread was blocked", async () => {
    const { clock, file } = setUp();
    await clock.advance(1);
    clock.sleepSync(12_000);
    await clock.advance(7);
    expect(file.looks).toEqual([0, 13, 15, 20]);
  });

  it("fires once for one staleness, and again after the file was fresh", async () => {
    const { clock, file, timeouts, recoveries, watchdog } = setUp({ name: "app" });
    file.verdict = { status: "stale", age: 31 };
    await clock.advance(40);
    expect(timeouts).toEqual([{ name: "app", file: APP, kind: "stale", secondsInactive: 31 }]);
    expect(watchdog.isTriggered).toBe(true);
    file.verdict = { status: "alive", age: 0 };
    await clock.advance(5);
    expect(recoveries).toEqual([{ name: "app", file: APP, secondsTriggered: 40 }]);
    expect(watchdog.isTriggered).toBe(false);
    file.verdict = { status: "dead" };
    await clock.advance(10);
    expect(timeouts.map(({ kind }) => kind)).toEqual(["stale", "dead"]);
    expect(watchdog.snapshot()).toMatchObject({ status: "dead", timeoutsTriggered: 2, isTriggered: true });
  });

  it.each(["stale", "dead", "frozen", "stopped"] as const)(
    "takes %s for a timeout at once",
    async (status) => {
      const { clock, file, timeouts } = setUp();
      await clock.advance(3);
      file.verdict = { status };
      await clock.advance(2);
      expect(timeouts).toMatchObject([{ kind: status, secondsInactive: 5 }]);
    },
  );

  it("takes a file that cannot be read for a timeout only after maxAge", async () => {
    const { clock, file, timeouts } = setUp({ maxAge: 12 });
    file.verdict = { status: "unknown" };
    await clock.advance(14);
    expect(timeouts).toEqual([]);
    await clock.advance(1);
    expect(timeouts).toMatchObject([{ kind: "unknown", secondsInactive: 15 }]);
  });

  it("takes a check that fails for a file that cannot be read", async () => {
    const warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const { clock, timeouts } = setUp({ maxAge: 5, check: () => Promise.reject(new Error("boom")) });
    await clock.advance(5);
    expect(timeouts).toMatchObject([{ kind: "unknown" }]);
    expect(warnings).toHaveBeenCalledTimes(2);
  });

  it("takes a check that hangs for a file that cannot be read, until it has an answer", async () => {
    let answer: ((verdict: StateFileVerdict) => void) | undefined;
    const check = vi.fn<() => Promise<StateFileVerdict>>(() => new Promise((resolve) => (answer = resolve)));
    const clock = Object.assign(new ManualClock(), { track: () => {} });
    const kinds: string[] = [];
    using watchdog = Watchdog.fromStateFile("app.heartbeat", {
      clock,
      check,
      maxAge: 12,
      onTimeout: ({ kind }) => kinds.push(kind),
      onRecover: () => kinds.push("well"),
    });
    await clock.advance(14);
    expect(kinds).toEqual([]);
    await clock.advance(1);
    expect(kinds).toEqual(["unknown"]);
    expect(check).toHaveBeenCalledTimes(1);
    answer?.({ status: "alive", age: 0 });
    await clock.advance(1);
    expect(kinds).toEqual(["unknown", "well"]);
    expect(watchdog.isTriggered).toBe(false);
  });

  it("does not start a look while one is under way, and forgets one that ends after stop()", async () => {
    const finish: ((verdict: StateFileVerdict) => void)[] = [];
    const check = (): Promise<StateFileVerdict> => new Promise((resolve) => finish.push(resolve));
    const clock = Object.assign(new ManualClock(), { track: () => {} });
    const onTimeout = vi.fn<() => void>();
    const watchdog = Watchdog.fromStateFile("app.heartbeat", { clock, check, onTimeout });
    await clock.advance(20);
    expect(finish).toHaveLength(1);
    watchdog.stop();
    finish[0]?.({ status: "dead" });
    await clock.advance(1);
    expect(onTimeout).not.toHaveBeenCalled();
  });

  it("tells its settings in seconds", () => {
    expect(setUp({ maxAge: "1500ms" }).watchdog).toMatchObject({ maxAge: 1.5, checkInterval: 5 });
    expect(setUp().watchdog.maxAge).toBeUndefined();
  });

  it("passes maxAge, also a long one, and the clock to the check", async () => {
    const check = vi.fn<() => Promise<StateFileVerdict>>(() => Promise.resolve({ status: "alive" }));
    const { clock } = setUp({ maxAge: "2h", check });
    await clock.advance(0);
    expect(check).toHaveBeenCalledWith(APP, { maxAge: "7200000ms", clock });
  });

  it("alerts, emits events, and is not disturbed by callbacks that throw", async () => {
    vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const alerts: unknown[] = [];
    const fail = (): never => {
      throw new Error("boom");
    };
    const { clock, file, watchdog } = setUp({
      onTimeout: fail,
      onRecover: fail,
      onAlert: (channel, message) => alerts.push([channel, message]),
    });
    const events: string[] = [];
    watchdog.on("timeout", () => events.push("timeout"));
    watchdog.on("recover", () => events.push("recover"));
    file.verdict = { status: "stale", age: 40 };
    await clock.advance(5);
    file.verdict = { status: "alive" };
    await clock.advance(5);
    expect(alerts).toEqual([["watchdog", `${APP}: no heartbeat for 40.0 s (stale)`]]);
    expect(events).toEqual(["timeout", "recover"]);
  });

  it.each([
    ["maxAge", [1e-10, Number.NaN, -1, 0, "30", null, 30_000]],
    ["checkInterval", [5e-324, 0.0009, Number.NaN, Infinity, -1, 0, "5", null, 5000]],
    ["onTimeout", [null, 5]],
    ["onRecover", [null, 5]],
    ["onAlert", [null, 5]],
    ["check", [null, 5]],
    ["keepAlive", [null, 1]],
    ["clock", [null, {}]],
    ["name", ["", 5]],
    ["maxage", [5]],
  ] as const)("refuses a wrong %s with an error that names it", (option, values) => {
    for (const value of values) {
      const make = (): unknown => Watchdog.fromStateFile("f", { check: alive, [option]: value });
      expect(make).toThrow(new RegExp(`^${option}\\b`));
    }
  });

  it("takes a file: URL, and a path as it is at that moment", () => {
    for (const file of [pathToFileURL(APP), "app.heartbeat"]) {
      using watchdog = Watchdog.fromStateFile(file, { check: alive });
      expect(watchdog.file).toBe(APP);
    }
  });

  it("leaves the age to the check without a maxAge, and waits 30 s for a file", async () => {
    const check = vi.fn<() => Promise<StateFileVerdict>>(() => Promise.resolve({ status: "unknown" }));
    const { clock, timeouts } = setUp({ check });
    await clock.advance(29);
    expect(check).toHaveBeenCalledWith(APP, { maxAge: undefined, clock });
    expect(timeouts).toEqual([]);
    await clock.advance(1);
    expect(timeouts).toMatchObject([{ kind: "unknown" }]);
  });

  it("refuses a file that is no path", () => {
    for (const file of ["", null, 5, "a\0b", new URL("http://example.com/")]) {
      const make = (): unknown => Watchdog.fromStateFile(file as never, { check: alive });
      expect(make).toThrow(/^file must be a path/);
    }
  });

  it("reads the file as a heartbeat writes it, when no reader is given", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "kstlib-watched-"));
    const stateFile = path.join(folder, "app.heartbeat");
    const clock = new ManualClock();
    const theirs = new ManualClock();
    const both = (seconds: number): Promise<unknown> =>
      theirs.advance(seconds).then(() => clock.advance(seconds));
    const heartbeat = new Heartbeat({ stateFile, interval: 10, clock: theirs });
    const kinds: string[] = [];
    using watchdog = Watchdog.fromStateFile(stateFile, {
      clock,
      maxAge: 30,
      checkInterval: 5,
      onTimeout: (info) => kinds.push(info.kind),
      onRecover: () => kinds.push("well"),
    });
    heartbeat.start();
    for (let round = 0; round < 8; round++) await both(5);
    expect(kinds).toEqual([]);
    await clock.advance(35);
    expect(kinds).toEqual(["stale"]);
    await theirs.advance(40);
    await clock.advance(5);
    expect(kinds).toEqual(["stale", "well"]);
    await heartbeat.stop();
    await clock.advance(5);
    expect(kinds).toEqual(["stale", "well", "stopped"]);
    watchdog.stop();
    expect(clock.pendingTimers).toBe(0);
    rmSync(folder, { recursive: true });
  });
});

/** A watched process whose last beat was at `beatAt`, in seconds; it beats every 10 s until it is told not to. */
function watched(maxAge: number | undefined = 30) {
  const clock = new ManualClock();
  const writer = { beatAt: clock.wallNow() / 1000 };
  const told: string[] = [];
  const watchdog = Watchdog.fromStateFile("app.heartbeat", {
    clock,
    maxAge,
    check: async () => {
      const age = clock.wallNow() / 1000 - writer.beatAt;
      return { status: age > 30 ? "stale" : "alive", age, state: { interval: 10 } };
    },
    onTimeout: ({ kind }) => told.push(kind),
  });
  const beat = (): void => {
    writer.beatAt = clock.wallNow() / 1000;
  };
  return { clock, writer, beat, told, watchdog };
}

describe("a watcher that stood still itself", () => {
  const standstills = {
    "was stopped": (clock: ManualClock) => clock.sleepSync(3_600_000),
    "was asleep with the machine": (clock: ManualClock) => clock.jumpWall(3600),
  };

  it.each(Object.entries(standstills))(
    "and %s gives whom it watches the time that was left to it",
    async (_, stand) => {
      for (const maxAge of [30, undefined]) {
        const { clock, beat, told } = watched(maxAge);
        await clock.advance(9);
        stand(clock);
        await clock.advance(1);
        beat();
        await clock.advance(30);
        expect(told).toEqual([]);
        await clock.advance(5);
        expect(told).toHaveLength(1);
      }
    },
  );

  it.each(Object.entries(standstills))("and %s finds out in time who is silent", async (_, stand) => {
    const { clock, told } = watched();
    await clock.advance(9);
    stand(clock);
    await clock.advance(20);
    expect(told).toEqual([]);
    await clock.advance(10);
    expect(told).toEqual(["stale"]);
  });

  it("waits for one maxAge, not more, for one that has beaten in the meantime", async () => {
    const { clock, writer, told } = watched();
    await clock.advance(9);
    writer.beatAt = clock.wallNow() / 1000 + 1800;
    clock.sleepSync(3_600_000);
    await clock.advance(29);
    expect(told).toEqual([]);
    await clock.advance(6);
    expect(told).toHaveLength(1);
  });

  it("spares no beat that came after it", async () => {
    const { clock, beat, told } = watched();
    clock.sleepSync(3_600_000);
    beat();
    await clock.advance(1);
    await clock.advance(30);
    expect(told).toEqual([]);
    await clock.advance(5);
    expect(told).toHaveLength(1);
  });

  it("hears at once of one that is dead", async () => {
    const { clock, file, timeouts } = setUp();
    clock.sleepSync(3_600_000);
    file.verdict = { status: "dead", age: 3600 };
    await clock.advance(1);
    expect(timeouts).toMatchObject([{ kind: "dead" }]);
  });

  it("spares a check that tells no age, too, and a file that is not there", async () => {
    for (const status of ["stale", "unknown"] as const) {
      const { clock, file, timeouts } = setUp({ maxAge: 30 });
      await clock.advance(1);
      clock.sleepSync(3_600_000);
      file.verdict = { status };
      await clock.advance(20);
      expect(timeouts).toEqual([]);
      await clock.advance(10);
      expect(timeouts).toMatchObject([{ kind: status }]);
    }
  });
});
