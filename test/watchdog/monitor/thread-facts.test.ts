import { expect, test } from "vitest";
import {
  cpuTimes,
  isRunnable,
  ownCpuTimes,
  threadFacts,
} from "../../../src/watchdog/monitor/thread-facts.js";

test("nothing is known of a thread that does not exist", () => {
  expect(threadFacts(undefined)).toEqual({});
  expect(threadFacts("/proc/self/task/none")).toEqual({});
  expect(cpuTimes(undefined)).toBeUndefined();
  expect(cpuTimes("/proc/self/task/none")).toBeUndefined();
  expect(isRunnable("/proc/self/task/none")).toBe(false);
});

test.skipIf(process.platform !== "linux")("a thread's own CPU time grows from reading to reading", () => {
  const before = ownCpuTimes()?.ran ?? Number.NaN;
  expect(before).toBeGreaterThan(0);
  // What this takes is measured by the kernel, whatever the wall clock says.
  for (let ran = before; ran === before; ran = ownCpuTimes()?.ran ?? Number.NaN);
  expect(ownCpuTimes()?.ran).toBeGreaterThan(before);
});
