import { beforeAll, describe, expect, test } from "vitest";
import { checkBuilt, fixture, type Run, run } from "./fork.js";

const scenario = (name: string): Promise<Run> => run([fixture("watchdog-copies.mjs"), name]);
const linux = process.platform === "linux";

beforeAll(checkBuilt);

describe.concurrent("two copies of the package in one process", () => {
  test.runIf(linux)("both find the same freeze, in every thread, and leave no thread behind", async () => {
    const { events, stderr } = await scenario("freeze");
    const timeouts = events.filter(({ event }) => event === "timeout");
    const told = timeouts.map(({ of, main }) => `${String(of)} ${String(main)}`);
    expect(told.toSorted()).toEqual(["cjs false", "cjs true", "esm false", "esm true"]);
    expect(stderr.match(/was not pinged/g)).toHaveLength(4);
    expect(events.at(-1)).toEqual({ event: "left", threads: 0 });
  });

  test("end the process by the onFreeze of one of them", async () => {
    const { code, events } = await scenario("exit");
    expect(code).toBe(70);
    expect(events.at(-1)).toEqual({ event: "exit", code: 70 });
  });

  const timeout = { event: "caught", name: "WatchdogTimeoutError", code: "ERR_WATCHDOG_TIMEOUT" };

  test.runIf(process.platform !== "win32")("interrupt each other's runs", async () => {
    const { events } = await scenario("raise");
    expect(events).toEqual([
      { ...timeout, of: "inner" },
      { event: "returned", of: "outer", result: "well" },
      { ...timeout, of: "outer" },
      { ...timeout, of: "outer" },
      { event: "alive" },
    ]);
  });

  test("stop the runs that the other one has interrupted", async () => {
    const { events } = await scenario("raise-in-worker");
    expect(events).toEqual([{ ...timeout, of: "outer" }, { event: "alive" }]);
  });
});
