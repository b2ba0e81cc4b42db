import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";

const program = fileURLToPath(new URL("../fixtures/schedule-program.mjs", import.meta.url));

/** Runs a scenario in a process of its own, which has to end by itself. */
async function run(scenario: string): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, [program, scenario], { timeout: 90_000 });
  return JSON.parse(stdout);
}

const ONCE = { isRight: true, isEarly: false, missed: 0, next: 60_000 };

describe("on the real clock", () => {
  test("a wait keeps the process alive until the boundary, and no longer", async () => {
    expect(await run("wait")).toEqual(ONCE);
  });

  test("a callback is called once after the loop was blocked", async () => {
    expect(await run("blocked")).toEqual(ONCE);
  });

  test.skipIf(process.platform === "win32")("or the process was stopped", async () => {
    expect(await run("stopped")).toEqual(ONCE);
  });

  test("a callback does not keep the process alive", async () => {
    expect(await run("idle")).toEqual({ calls: 0 });
  });
});
