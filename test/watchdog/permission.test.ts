import path from "node:path";
import { describe, expect, test } from "vitest";
import { fixture, type Run, run } from "./fork.js";

const model = process.allowedNodeEnvironmentFlags.has("--permission")
  ? "--permission"
  : "--experimental-permission";
const root = path.resolve(import.meta.dirname, "../..");

function permitted(scenario: string, ...flags: readonly string[]): Promise<Run> {
  return run([model, ...flags, fixture("watchdog-scenarios.mjs"), scenario]);
}

const noStack = "the permission model forbids the inspector";

describe.concurrent("under the permission model", () => {
  test("a freeze is found without a stack, and the report says why", async () => {
    const { code, events, stderr } = await permitted("freeze", "--allow-worker", "--allow-fs-read=*");
    const timeouts = events.filter(({ event }) => event === "timeout");
    expect(timeouts).toHaveLength(2);
    expect(timeouts.at(0)).toMatchObject({ kind: expect.stringMatching(/^blocked-/), details: { noStack } });
    expect(stderr).toContain(`no stack: ${noStack}`);
    expect(code).toBe(0);
  });

  test("a freeze is found where the kernel's files cannot be read either", async () => {
    const { code, events } = await permitted("freeze", "--allow-worker", `--allow-fs-read=${root}/*`);
    const timeouts = events.filter(({ event }) => event === "timeout");
    expect(timeouts).toHaveLength(2);
    expect(timeouts.at(0)).toMatchObject({ kind: expect.stringMatching(/^blocked-/), details: { noStack } });
    expect(timeouts.at(0)?.["details"]).not.toHaveProperty("threadState");
    expect(code).toBe(0);
  });

  test.runIf(process.platform !== "win32")(
    "onFreeze exit kills the process, because no JavaScript can be run",
    async () => {
      const { signal, stderr } = await permitted("exit", "--allow-worker", "--allow-fs-read=*");
      expect(stderr).toContain("JavaScript cannot be run on the frozen thread");
      expect(signal).toBe("SIGKILL");
    },
  );

  test("a run that raises is ended by the engine where no thread may be started", async () => {
    const { code, events } = await permitted("raise-alone", "--allow-fs-read=*");
    expect(events).toMatchObject([
      { event: "caught", name: "WatchdogTimeoutError", code: "ERR_WATCHDOG_TIMEOUT" },
    ]);
    expect(code).toBe(0);
  });
});
