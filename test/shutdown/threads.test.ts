import { describe, expect, test } from "vitest";
import { GracefulShutdown } from "../../src/shutdown/graceful-shutdown.js";
import { fork as forkFixture, type Outcome } from "./fork.js";

const fork = (scenario: string): Promise<Outcome> =>
  forkFixture(scenario, { fixture: "shutdown-threads.mjs", signals: [["ready", "SIGTERM"]] });

function lines({ stdout }: Outcome): unknown[] {
  return stdout
    .split("\n")
    .filter((line) => line !== "" && line !== "ready")
    .map((line): unknown => (line.startsWith("{") ? JSON.parse(line) : line));
}

const none = { pid: null, exitCode: null, signal: null, results: null };

describe.skipIf(process.platform === "win32")("a worker thread", () => {
  test("runs its own callbacks when the main thread commands it, and its messages stay separate", async () => {
    const outcome = await fork("orderly");
    expect(lines(outcome)).toEqual([
      'told "work"',
      "buffer SIGTERM",
      "database",
      {
        status: "done",
        members: [
          {
            ...none,
            exitCode: 0,
            fate: "left",
            results: [{ name: "buffer", status: "done", seconds: expect.any(Number), error: null }],
          },
        ],
      },
    ]);
    expect(outcome.code).toBe(143);
  });

  test("whose callback fails makes the whole shutdown fail, and the rest still runs", async () => {
    const outcome = await fork("failing");
    expect(lines(outcome)).toMatchObject([
      "database",
      { status: "failed", members: [{ exitCode: 9, results: [{ status: "failed", error: "no space" }] }] },
    ]);
    expect(outcome.stderr).toContain("no space");
    expect(outcome.code).toBe(75);
  });

  test("reports the callback that hangs before its time with the main thread is up", async () => {
    const outcome = await fork("hanging");
    expect(lines(outcome)).toMatchObject([
      "database",
      { members: [{ fate: "left", results: [{ status: "timed-out" }, { status: "skipped" }] }] },
    ]);
    expect(outcome.code).toBe(75);
  });

  test("without a shutdown of its own is terminated", async () => {
    const outcome = await fork("plain");
    expect(lines(outcome)).toEqual([
      "database",
      { status: "done", members: [{ ...none, exitCode: 1, fate: "dismissed" }] },
    ]);
    expect(outcome.code).toBe(143);
  });

  test("that loops forever is terminated when its time is up", async () => {
    const outcome = await fork("spinning");
    expect(lines(outcome)).toEqual([
      "database",
      { status: "timed-out", members: [{ ...none, exitCode: 1, fate: "killed" }] },
    ]);
    expect(outcome.code).toBe(75);
  });

  test("that waits outside of JavaScript does not delay the end of the process", async () => {
    const outcome = await fork("native");
    expect(lines(outcome)).toEqual([
      "database",
      { status: "timed-out", members: [{ ...none, fate: "killed" }] },
    ]);
    expect(outcome.stderr).toContain(
      'the worker thread "thread" is outside of JavaScript and cannot be ended; killing the process',
    );
    expect(outcome.code).toBeNull();
  });

  test("that is still starting when the command is sent obeys it", async () => {
    const outcome = await fork("late");
    expect(lines(outcome)).toMatchObject([
      "starting",
      "late buffer",
      "database",
      { status: "done", members: [{ fate: "left", exitCode: 0 }] },
    ]);
    expect(outcome.code).toBe(143);
  });

  test("that ended before the shutdown is not reported", async () => {
    const outcome = await fork("gone");
    expect(lines(outcome)).toEqual(["database", { status: "done", members: [] }]);
    expect(outcome.code).toBe(143);
  });

  test("is no longer followed once it is unregistered, and the process ends by itself", async () => {
    const outcome = await forkFixture("unregistered", { fixture: "shutdown-threads.mjs" });
    expect(lines(outcome)).toEqual(["listeners 0"]);
    expect(outcome.code).toBe(0);
  });
});

test("registerWorker refuses a value that is not a worker", () => {
  const shutdown = new GracefulShutdown();
  // @ts-expect-error not a worker
  expect(() => shutdown.registerWorker("one", {})).toThrow(
    /worker must be a Worker of node:worker_threads; got/,
  );
});
