import { once } from "node:events";
import { expect, test } from "vitest";
import { startThread } from "../../src/process/thread.js";
import { deadlineProgram } from "../../src/shutdown/deadline-program.js";
import { monitorProgram } from "../../src/watchdog/monitor-program.js";

test("a thread starts on a text, with data, and without the flags and the environment of the process", async () => {
  const program = `
    const { parentPort, workerData } = require("node:worker_threads");
    parentPort.postMessage({ workerData, execArgv: process.execArgv, env: { ...process.env } });`;
  const thread = startThread(program, { workerData: { answer: 42 } });
  // From the beginning: where the thread is over already, both come at once.
  const ended = once(thread, "exit");
  const [heard] = (await once(thread, "message")) as unknown[];
  expect(heard).toEqual({ workerData: { answer: 42 }, execArgv: [], env: {} });
  await ended;
});

test.each([
  ["the monitor", monitorProgram],
  ["the deadline of a shutdown", deadlineProgram],
])(
  "the program of %s is one script that needs nothing but the runtime, and names itself in stacks",
  (_whose, program) => {
    const required = [...program.matchAll(/\brequire\(["']([^"']+)/g)].map(([, name]) => name);
    expect(required).toContain("node:worker_threads");
    expect(required.filter((name) => !name?.startsWith("node:"))).toEqual([]);
    expect(program).toMatch(/\/\/# sourceURL=kstlib-resilience\/[\w-]+\.js\n$/);
  },
);
