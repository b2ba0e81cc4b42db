import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";

const program = fileURLToPath(new URL("../fixtures/policies-program.mjs", import.meta.url));

/** Runs a scenario in a process of its own, which has to end by itself. */
async function run(scenario: string): Promise<Record<string, unknown>> {
  const { stdout } = await promisify(execFile)(process.execPath, [program, scenario], { timeout: 90_000 });
  const seen: unknown = JSON.parse(stdout);
  expect(seen).toBeTypeOf("object");
  return { ...(seen as object) };
}

describe("a thread that was frozen for longer than the timeout", () => {
  test("uses the answer that has arrived meanwhile", async () => {
    expect(await run("answered")).toMatchObject({
      answer: "well",
      stats: { settledCalls: 1, timedOutCalls: 0 },
    });
  });

  test("says how late it was, when there is none", async () => {
    const { error, state, stats } = await run("unanswered");
    // The breaker around it does not take that for a failure of the service.
    expect({ state, stats }).toMatchObject({ state: "closed", stats: { failedCalls: 0, ignoredCalls: 1 } });
    expect(error).toMatchObject({ code: "ERR_TIMEOUT_EXCEEDED", seconds: 0.1 });
    expect((error as { late: number }).late).toBeGreaterThan(0.4);
  });
});

describe("a process", () => {
  test("ends at once after its last call, however long a timeout was", async () => {
    expect(await run("ended")).toEqual({ values: [1, 2, 3] });
  });

  test("ends at once after its last call was given up", async () => {
    const ends = ["rejected", "rejected"].map((status) => ({ status, reason: "enough" }));
    expect(await run("aborted")).toEqual({ ends });
  });
});
