import { describe, expect, test } from "vitest";
import { fixture, type Run, run } from "./fork.js";

const scenario = (name: string): Promise<Run> => run([fixture("watchdog-threads.mjs"), name]);
const linux = process.platform === "linux";

function timeoutsOf({ events }: Run): readonly string[] {
  const found = events.filter(({ event }) => event === "timeout");
  return found.map(({ in: where, of, kind }) => `${String(kind)} ${String(of)} in ${String(where)}`);
}

describe.runIf(linux).concurrent("the monitor of the main thread", () => {
  test("also watches the worker threads, and ends with the last watchdog of all threads", async () => {
    const result = await scenario("one");
    expect(result.events.at(0)).toEqual({ event: "threads", workers: 3, more: 4 });
    // Each one is told of its own timeout, and nobody else is.
    expect(timeoutsOf(result)).toEqual(["blocked a in a", "blocked b in b", "blocked c in c"]);
    expect(result.events.slice(-2)).toEqual([
      { event: "left", threads: 0 },
      { event: "left", threads: 0 },
    ]);
    expect(result.stderr.match(/was not pinged/g)).toHaveLength(3);
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
    const result = await scenario("both");
    expect(timeoutsOf(result).toSorted()).toEqual(["blocked freeze in freeze", "blocked main in main"]);
    expect(result.stderr.match(/was not pinged/g)).toHaveLength(2);
  });

  test("watches a worker thread of a worker thread", async () => {
    const result = await scenario("nested");
    const [outside, inside] = result.events.map(({ threads }) => Number(threads));
    expect(inside).toBe((outside ?? 0) + 2);
    expect(timeoutsOf(result)).toEqual(["blocked inner in inner"]);
    expect(result.events.at(-1)).toEqual({ event: "left", threads: 0 });
  });

  test("is replaced by timers of the worker threads when it crashes", async () => {
    const result = await scenario("crash");
    expect(result.events.filter(({ event }) => event === "warning")).toEqual([
      { event: "warning", code: "KSTLIB_NO_MONITOR" },
    ]);
    expect(timeoutsOf(result)).toEqual(["not-pinged outlive-monitor in outlive-monitor"]);
  });

  test("does not watch a worker thread that was started before it, which has its own", async () => {
    const result = await scenario("before");
    expect(timeoutsOf(result)).toEqual(["blocked later in later"]);
    expect(result.events.at(-1)).toEqual({ event: "left", threads: 0 });
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
