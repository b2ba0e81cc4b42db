import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";

const program = fileURLToPath(new URL("../fixtures/rate-limiter-program.mjs", import.meta.url));

/** Runs a scenario in a process of its own, which has to end by itself. */
async function run(...scenario: readonly string[]): Promise<Record<string, unknown>> {
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...scenario], { timeout: 90_000 });
  const seen: unknown = JSON.parse(stdout);
  expect(seen).toBeTypeOf("object");
  return { ...(seen as object) };
}

test.each(["split", "trim", "slice", "match"])(
  "a key that was cut out of a long header (%s) does not keep the header, known or waited for",
  async (way) => {
    const { known, waited } = await run("slices", way);
    // The headers have 8 kB each.
    expect(known).toBeLessThan(250);
    expect(waited).toBeLessThan(4000);
  },
);

describe("on the real clock", () => {
  test("acquireSync blocks the thread without using CPU time, behind earlier requests", async () => {
    const { wall, cpuShare, order, stats } = await run("blocking");
    expect(wall).toBeGreaterThanOrEqual(499);
    // Spinning would be a whole CPU.
    expect(cpuShare).toBeLessThan(0.2);
    expect(order).toEqual(["blocked", "waiter"]);
    expect(stats).toMatchObject({ totalAcquired: 6, queued: 0 });
  });

  test("a pending waiter keeps the process alive until it is served", async () => {
    expect(await run("waiting")).toMatchObject({ stats: { totalAcquired: 2 } });
  });

  test("an idle limiter does not keep the process alive", async () => {
    expect(await run("idle")).toMatchObject({ stats: { queued: 1 } });
  });

  test("rateLimiterSync blocks the thread", async () => {
    expect((await run("decorated"))["between"]).toBeGreaterThanOrEqual(49);
  });
});
