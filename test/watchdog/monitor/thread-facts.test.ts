import { expect, test } from "vitest";
import { cpuTimes, isRunnable, threadFacts } from "../../../src/watchdog/monitor/thread-facts.js";

test("nothing is known of a thread that is not there", () => {
  expect(threadFacts(undefined)).toEqual({});
  expect(threadFacts("/proc/self/task/none")).toEqual({});
  expect(cpuTimes(undefined)).toBeUndefined();
  expect(cpuTimes("/proc/self/task/none")).toBeUndefined();
  expect(isRunnable("/proc/self/task/none")).toBe(false);
});
