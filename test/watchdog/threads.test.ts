import { describe, expect, test } from "vitest";
import { fixture, type Run, runProgram } from "./run-program.js";

const scenario = (name: string): Promise<Run> => runProgram([fixture("watchdog-threads.mjs"), name]);
const linux = process.platform === "linux";

function timeoutsOf({ events }: Run): readonly string[] {
  const found = events.filter(({ event }) => event === "timeout");
  return found.map(({ in: where, of, kind }) => `${String(kind)} ${String(of)} in ${String(where)}`);
}

describe.runIf(linux).concurrent("the monitor of the main thread", () => {
  test("also watches the worker threads, and ends with the last watchdog of all threads", async () => {
    const run = await scenario("one");
    expect(run.events.at(0)).toEqual({ event: "threads", workers: 3, more: 4 });
    // Each one is told of its own timeout, and nobody else is.
    expect(timeoutsOf(run)).toEqual(["blocked a in a", "blocked b in b", "blocked c in c"]);
    expect(run.events.slice(-2)).toEqual([
      { event: "left", threads: 0 },
      { event: "left", threads: 0 },
    ]);
    expect(run.stderr.match(/was not pinged/g)).toHaveLength(3);
  });

  test("forgets a worker thread that was terminated, has exited or has ended without stopping", async () => {
    await expect(scenario("gone")).resolves.toEqual({
      code: 0,
      signal: null,
      stderr: "",
      events: [{ event: "left", threads: 0 }],
    });
  });

  test("finds two threads that are frozen at the same time", async () => {
    const run = await scenario("both");
    expect(timeoutsOf(run).toSorted()).toEqual(["blocked freeze in freeze", "blocked main in main"]);
    expect(run.stderr.match(/was not pinged/g)).toHaveLength(2);
  });

  test("watches a worker thread of a worker thread", async () => {
    const run = await scenario("nested");
    const [outside, inside] = run.events.map(({ threads }) => Number(threads));
    expect(inside).toBe((outside ?? 0) + 2);
    expect(timeoutsOf(run)).toEqual(["blocked inner in inner"]);
    expect(run.events.at(-1)).toEqual({ event: "left", threads: 0 });
  });

  test("is replaced by timers of the worker threads when it crashes", async () => {
    const run = await scenario("crash");
    expect(run.events.filter(({ event }) => event === "warning")).toEqual([
      { event: "warning", code: "KSTLIB_NO_MONITOR" },
    ]);
    expect(timeoutsOf(run)).toEqual(["not-pinged outlive-monitor in outlive-monitor"]);
  });

  test("does not watch a worker thread that was started before it, which has its own", async () => {
    const run = await scenario("before");
    expect(timeoutsOf(run)).toEqual(["blocked later in later"]);
    expect(run.events.at(-1)).toEqual({ event: "left", threads: 0 });
  });
});

describe.concurrent("synchronous code in a worker thread under raiseOnTimeout", () => {
  const error = { event: "caught", name: "WatchdogTimeoutError", code: "ERR_WATCHDOG_TIMEOUT" };

  test("is ended if it takes no argument, and never if it pings", async () => {
    const { events, code, stderr } = await scenario("raise");
    const ofEach = new Map(events.map(({ of = "alive", ...what }) => [of, what]));
    expect(Object.fromEntries(ofEach)).toMatchObject({
      endless: error,
      waiting: error,
      within: error,
      quick: { event: "returned", result: "well" },
      pinging: { event: "returned", result: "well" },
      "pinging by rest": { event: "returned", result: "well" },
      "pinging by arguments": { event: "returned", result: "well" },
      failing: { event: "caught", name: "RangeError" },
      alive: { event: "alive" },
    });
    expect(events).toHaveLength(10);
    // Cut with the run around it, it is not watched any more.
    expect(stderr).not.toContain("inner");
    expect(code).toBe(0);
  });
});
