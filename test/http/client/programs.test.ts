import { spawnSync } from "node:child_process";
import path from "node:path";
import { expect, test } from "vitest";

const program = path.resolve(import.meta.dirname, "../../fixtures/http-client-program.mjs");
/** `HTTP_REQUESTS=100000` for the whole proof. */
const total = Number(process.env["HTTP_REQUESTS"] ?? 6000);

test(
  "of thousands of requests with faults no socket, timer, listener, call or memory is left, and the program ends",
  { timeout: 600_000 },
  () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ["--expose-gc", program, String(total)], {
      encoding: "utf8",
    });
    expect([status, stderr]).toEqual([0, ""]);
    const told = JSON.parse(stdout) as Record<string, unknown> & {
      grown: number;
      timed: Record<string, number>;
    };
    expect(told).toMatchObject({ running: 0, listeners: 0, left: [] });
    const { totalCalls = 0, settledCalls = 0, timedOutCalls = 0, abortedCalls = 0 } = told.timed;
    expect([totalCalls, settledCalls + timedOutCalls + abortedCalls]).toEqual([total, total]);
    // What 20 calls and the connections hold.
    expect(told.grown).toBeLessThan(1_500_000);
  },
);
