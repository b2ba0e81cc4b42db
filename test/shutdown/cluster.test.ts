import { describe, expect, test } from "vitest";
import { GracefulShutdown } from "../../src/shutdown/graceful-shutdown.js";
import { fork as forkFixture, type ForkOptions, type Outcome } from "./fork.js";

const fork = (scenario: string, options: ForkOptions = {}): Promise<Outcome> =>
  forkFixture(scenario, { fixture: "shutdown-cluster.mjs", signals: [["ready", "SIGTERM"]], ...options });

function lines({ stdout }: Outcome): unknown[] {
  return stdout
    .split("\n")
    .filter((line) => line !== "" && line !== "ready")
    .map((line): unknown => (line.startsWith("{") ? JSON.parse(line) : line));
}

const obeyed = { pid: "number", signal: null, fate: "left" };
const buffer = { name: "buffer", status: "done", seconds: expect.any(Number), error: null };

describe.skipIf(process.platform === "win32")("a cluster", () => {
  test("is led by the primary: it tells the workers, waits for them, then runs its own callbacks", async () => {
    const outcome = await fork("orderly");
    expect(lines(outcome)).toEqual([
      "buffer SIGTERM",
      "buffer SIGTERM",
      "database",
      {
        status: "done",
        members: [1, 2].map((id) => ({ ...obeyed, name: `worker ${id}`, exitCode: 0, results: [buffer] })),
      },
    ]);
    expect(outcome.code).toBe(143);
  });

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("treats a signal to the whole group as one signal: %s", async (signal, code) => {
    const outcome = await fork("orderly", { group: true, signals: [["ready", signal]] });
    expect(lines(outcome)).toEqual([
      `buffer ${signal}`,
      `buffer ${signal}`,
      "database",
      {
        status: "done",
        // A worker may hear of it from the primary before it runs for its own signal.
        members: [1, 2].map((id) => ({
          ...obeyed,
          name: `worker ${id}`,
          exitCode: expect.toBeOneOf([0, code]),
          results: [buffer],
        })),
      },
    ]);
    expect(outcome.code).toBe(code);
  });

  test("reports the worker whose callback fails with its exit code, and still runs the rest", async () => {
    const outcome = await fork("failing");
    expect(lines(outcome)).toMatchObject([
      "database",
      { status: "failed", members: [{ exitCode: 9, results: [{ status: "failed", error: "no space" }] }] },
    ]);
    expect(outcome.code).toBe(75);
  });

  test("kills the worker that hangs when its time is up", async () => {
    const outcome = await fork("spinning");
    expect(lines(outcome)).toMatchObject([
      "database",
      {
        status: "timed-out",
        members: [{ fate: "killed", exitCode: null, signal: "SIGKILL", results: null }],
      },
    ]);
    expect(outcome.code).toBe(75);
  });

  test("sends SIGTERM to a worker without a shutdown of its own", async () => {
    const outcome = await fork("plain");
    expect(lines(outcome)).toMatchObject([
      "database",
      { status: "done", members: [{ fate: "dismissed", exitCode: null, signal: "SIGTERM" }] },
    ]);
    expect(outcome.code).toBe(143);
  });

  test("loses no request when one worker alone is told to end", async () => {
    const outcome = await fork("serving", { signals: [] });
    expect(lines(outcome)).toMatchObject([
      { code: 143, outcomes: ["served"] },
      "database",
      { status: "done", members: [{ fate: "left", exitCode: 0 }] },
    ]);
  });

  test("receives no messages from workers that have no shutdown", async () => {
    const outcome = await fork("messages");
    expect(lines(outcome)[0]).toEqual({ messages: ["up"] });
  });
});

test("registerCluster refuses anything but the cluster of a primary", () => {
  const shutdown = new GracefulShutdown();
  expect(() =>
    // @ts-expect-error not a cluster
    shutdown.registerCluster("one", { isPrimary: false }),
  ).toThrow(/cluster must be node:cluster in the primary process; got/);
});
