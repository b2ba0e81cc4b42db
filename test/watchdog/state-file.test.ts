import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, describe, expect, test, vi } from "vitest";
import { check } from "../../src/heartbeat-file/readers.js";
import type { HeartbeatCheck } from "../../src/heartbeat-file/verdict.js";
import { formatTimestamp } from "../../src/heartbeat-file/timestamp.js";
import { Heartbeat } from "../../src/heartbeat/heartbeat.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import type {
  StateFileOptions,
  StateFileRecoverInfo,
  StateFileTimeoutInfo,
} from "../../src/watchdog/state-file-options.js";
import { Watchdog } from "../../src/watchdog/watchdog.js";

vi.mock("../../src/heartbeat-file/readers.js", { spy: true });

const APP = path.resolve("app.heartbeat");

/** What a look finds: of this age, `null` where the file tells none. */
const found = (status: HeartbeatCheck["status"], age: number | null = null): HeartbeatCheck => ({
  status,
  age,
  state: null,
});

/** Has every look be answered by this. */
function answer(look: () => Promise<HeartbeatCheck>): void {
  vi.mocked(check).mockImplementation(look);
}

function setUp(options: StateFileOptions = {}) {
  const clock = new ManualClock();
  const timeouts: StateFileTimeoutInfo[] = [];
  const recoveries: StateFileRecoverInfo[] = [];
  const file = { verdict: found("alive", 1), looks: [] as number[] };
  answer(async () => {
    file.looks.push(clock.now() / 1000);
    return file.verdict;
  });
  const watchdog = Watchdog.fromStateFile("app.heartbeat", {
    clock,
    onTimeout: (info) => timeouts.push(info),
    onRecover: (info) => recoveries.push(info),
    ...options,
  });
  return { clock, timeouts, recoveries, file, watchdog };
}

afterEach(() => {
  vi.restoreAllMocks();
  vi.mocked(check).mockReset();
});

describe("Watchdog.fromStateFile", () => {
  test("looks at once and then every checkInterval, until it is stopped", async () => {
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

  test("keeps its cadence after the thread was blocked", async () => {
    const { clock, file } = setUp();
    await clock.advance(1);
    clock.sleepSync(12_000);
    await clock.advance(7);
    expect(file.looks).toEqual([0, 13, 15, 20]);
  });

  test("fires once while the file is stale, and again after it was fresh in between", async () => {
    const { clock, file, timeouts, recoveries, watchdog } = setUp({ name: "app" });
    file.verdict = found("stale", 31);
    await clock.advance(40);
    expect(timeouts).toEqual([{ name: "app", file: APP, kind: "stale", secondsInactive: 31 }]);
    expect(watchdog.isTriggered).toBe(true);
    file.verdict = found("alive", 0);
    await clock.advance(5);
    expect(recoveries).toEqual([{ name: "app", file: APP, secondsTriggered: 40 }]);
    expect(watchdog.isTriggered).toBe(false);
    file.verdict = found("dead");
    await clock.advance(10);
    expect(timeouts.map(({ kind }) => kind)).toEqual(["stale", "dead"]);
    expect(watchdog.snapshot()).toMatchObject({ status: "dead", timeoutsTriggered: 2, isTriggered: true });
  });

  test.each(["stale", "dead", "frozen", "stopped"] as const)(
    "takes %s for a timeout at once",
    async (status) => {
      const { clock, file, timeouts } = setUp();
      await clock.advance(3);
      file.verdict = found(status);
      await clock.advance(2);
      expect(timeouts).toMatchObject([{ kind: status, secondsInactive: 5 }]);
    },
  );

  test("reports an unreadable file only after maxAge", async () => {
    const { clock, file, timeouts } = setUp({ maxAge: 12 });
    file.verdict = found("unknown");
    await clock.advance(14);
    expect(timeouts).toEqual([]);
    await clock.advance(1);
    expect(timeouts).toMatchObject([{ kind: "unknown", secondsInactive: 15 }]);
  });

  test("treats a failed check like an unreadable file", async () => {
    const warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const { clock, timeouts, watchdog } = setUp({ maxAge: 5 });
    watchdog.stop();
    answer(() => Promise.reject(new Error("boom")));
    watchdog.start();
    await clock.advance(5);
    expect(timeouts).toMatchObject([{ kind: "unknown" }]);
    expect(warnings).toHaveBeenCalledTimes(2);
  });

  test("treats a file whose reading hangs as unreadable until it has been read", async () => {
    let finish: ((verdict: HeartbeatCheck) => void) | undefined;
    answer(() => new Promise((resolve) => (finish = resolve)));
    const clock = Object.assign(new ManualClock(), { track: () => {} });
    const kinds: string[] = [];
    using watchdog = Watchdog.fromStateFile("app.heartbeat", {
      clock,
      maxAge: 12,
      onTimeout: ({ kind }) => kinds.push(kind),
      onRecover: () => kinds.push("well"),
    });
    await clock.advance(14);
    expect(kinds).toEqual([]);
    await clock.advance(1);
    expect(kinds).toEqual(["unknown"]);
    expect(check).toHaveBeenCalledTimes(1);
    finish?.(found("alive", 0));
    await clock.advance(1);
    expect(kinds).toEqual(["unknown", "well"]);
    expect(watchdog.isTriggered).toBe(false);
  });

  test("does not start a look during another one, and ignores one that ends after stop()", async () => {
    const finish: ((verdict: HeartbeatCheck) => void)[] = [];
    answer(() => new Promise((resolve) => finish.push(resolve)));
    const clock = Object.assign(new ManualClock(), { track: () => {} });
    const onTimeout = vi.fn<() => void>();
    const watchdog = Watchdog.fromStateFile("app.heartbeat", { clock, onTimeout });
    await clock.advance(20);
    expect(finish).toHaveLength(1);
    watchdog.stop();
    finish[0]?.(found("dead"));
    await clock.advance(1);
    expect(onTimeout).not.toHaveBeenCalled();
  });

  test("shows its settings in seconds", () => {
    expect(setUp({ maxAge: "1500ms" }).watchdog).toMatchObject({ maxAge: 1.5, checkInterval: 5 });
    expect(setUp().watchdog.maxAge).toBeUndefined();
  });

  test("reads the file with its maxAge, even a long one, and its clock", async () => {
    const { clock } = setUp({ maxAge: "2h" });
    await clock.advance(0);
    expect(check).toHaveBeenCalledWith(APP, { maxAge: "7200000ms", clock });
  });

  test("alerts, emits events, and is not disturbed by callbacks that throw", async () => {
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
    file.verdict = found("stale", 40);
    await clock.advance(5);
    file.verdict = found("alive");
    await clock.advance(5);
    expect(alerts).toEqual([["watchdog", `${APP}: no heartbeat for 40.0 s (stale)`]]);
    expect(events).toEqual(["timeout", "recover"]);
  });

  test.each([
    ["maxAge", [1e-10, Number.NaN, -1, 0, "30", null, 30_000]],
    ["checkInterval", [5e-324, 0.0009, Number.NaN, Infinity, -1, 0, "5", null, 5000]],
    ["onTimeout", [null, 5]],
    ["onRecover", [null, 5]],
    ["onAlert", [null, 5]],
    ["keepAlive", [null, 1]],
    ["clock", [null, {}]],
    ["name", ["", 5]],
    ["maxage", [5]],
  ] as const)("refuses a wrong %s with an error that names it", (option, values) => {
    for (const value of values) {
      const make = (): unknown => Watchdog.fromStateFile("f", { [option]: value });
      expect(make).toThrow(new RegExp(`^${option}\\b`));
    }
  });

  test("accepts a file: URL, and resolves a path against the current working directory", () => {
    answer(async () => found("alive", 1));
    for (const file of [pathToFileURL(APP), "app.heartbeat"]) {
      using watchdog = Watchdog.fromStateFile(file);
      expect(watchdog.file).toBe(APP);
    }
  });

  test("without a maxAge uses the interval in the file, and waits 30 s for a missing file", async () => {
    const { clock, file, timeouts } = setUp();
    file.verdict = found("unknown");
    await clock.advance(29);
    expect(check).toHaveBeenCalledWith(APP, { maxAge: undefined, clock });
    expect(timeouts).toEqual([]);
    await clock.advance(1);
    expect(timeouts).toMatchObject([{ kind: "unknown" }]);
  });

  test("rejects a file that is not a path", () => {
    for (const file of ["", null, 5, "a\0b", new URL("http://example.com/")]) {
      const make = (): unknown => Watchdog.fromStateFile(file as never);
      expect(make).toThrow(/^file must be a path/);
    }
  });

  test("reads the file as a heartbeat writes it", async () => {
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
  answer(async () => {
    const age = clock.wallNow() / 1000 - writer.beatAt;
    const timestamp = formatTimestamp(writer.beatAt * 1000);
    const state = { timestamp, pid: 1, hostname: "host", metadata: {}, interval: 10 };
    return { status: age > 30 ? "stale" : "alive", age, state };
  });
  const watchdog = Watchdog.fromStateFile("app.heartbeat", {
    clock,
    maxAge,
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

  test.each(Object.entries(standstills))(
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

  test.each(Object.entries(standstills))(
    "and %s reports in time a process that is silent",
    async (_, stand) => {
      const { clock, told } = watched();
      await clock.advance(9);
      stand(clock);
      await clock.advance(20);
      expect(told).toEqual([]);
      await clock.advance(10);
      expect(told).toEqual(["stale"]);
    },
  );

  test("waits at most one maxAge for a process that has beaten in the meantime", async () => {
    const { clock, writer, told } = watched();
    await clock.advance(9);
    writer.beatAt = clock.wallNow() / 1000 + 1800;
    clock.sleepSync(3_600_000);
    await clock.advance(29);
    expect(told).toEqual([]);
    await clock.advance(6);
    expect(told).toHaveLength(1);
  });

  test("does not excuse a beat that came after it", async () => {
    const { clock, beat, told } = watched();
    clock.sleepSync(3_600_000);
    beat();
    await clock.advance(1);
    await clock.advance(30);
    expect(told).toEqual([]);
    await clock.advance(5);
    expect(told).toHaveLength(1);
  });

  test("reports a dead process at once", async () => {
    const { clock, file, timeouts } = setUp();
    clock.sleepSync(3_600_000);
    file.verdict = found("dead", 3600);
    await clock.advance(1);
    expect(timeouts).toMatchObject([{ kind: "dead" }]);
  });

  test("also excuses a file without an age, and a missing one", async () => {
    for (const status of ["stale", "unknown"] as const) {
      const { clock, file, timeouts } = setUp({ maxAge: 30 });
      await clock.advance(1);
      clock.sleepSync(3_600_000);
      file.verdict = found(status);
      await clock.advance(20);
      expect(timeouts).toEqual([]);
      await clock.advance(10);
      expect(timeouts).toMatchObject([{ kind: status }]);
    }
  });
});
