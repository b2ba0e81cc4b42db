import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { hasRedis, type Server, startServer } from "../servers/servers.js";

// Longer and with more processes on demand: REDIS_SECONDS=5 REDIS_PROCESSES=4,12.
const SECONDS = Number(process.env["REDIS_SECONDS"] ?? 2);
const PROCESSES = (process.env["REDIS_PROCESSES"] ?? "4").split(",").map(Number);
const PROGRAM = fileURLToPath(new URL("../../fixtures/redis-limited.mjs", import.meta.url));

interface Told {
  readonly admitted: number;
  readonly failed: number;
  readonly longest: number;
}

interface Limit {
  readonly rate: number;
  readonly per: string;
  readonly burst: number;
  readonly lease?: { readonly tokens: number; readonly maxAge: string };
}

let server: Server;
beforeAll(async () => {
  if (hasRedis) server = await startServer();
});

let runs = 0;

/** Runs so many processes on one limit; what each was admitted, and for how long all of them together asked. */
async function run(count: number, limit: Limit, skewed = 0): Promise<{ told: Told[]; seconds: number }> {
  const name = `run-${++runs}`;
  const start = async (index: number): Promise<ChildProcess> => {
    const skew = index < skewed ? 3_600_000 : 0;
    const settings = { port: server.port, seconds: SECONDS, name, limit, skew };
    const child = fork(PROGRAM, [JSON.stringify(settings)]);
    onTestFinished(() => void child.kill("SIGKILL"));
    await once(child, "message");
    return child;
  };
  const children = await Promise.all(Array.from({ length: count }, (_, index) => start(index)));
  const begun = performance.now();
  const told = await Promise.all(
    children.map(async (child) => {
      const answer = once(child, "message");
      child.send("go");
      const [message] = (await answer) as [Told];
      return message;
    }),
  );
  const seconds = (performance.now() - begun) / 1000;
  await Promise.all(children.map(async (child) => child.exitCode ?? once(child, "exit")));
  return { told, seconds };
}

/** Jain's index of fairness: 1 when all got the same. */
function jain(values: readonly number[]): number {
  const sum = values.reduce((one, other) => one + other, 0);
  const squares = values.reduce((all, value) => all + value * value, 0);
  return (sum * sum) / (values.length * squares);
}

describe.skipIf(!hasRedis)("a limit that processes share", () => {
  describe.each(PROCESSES)("%d of them", (count) => {
    test.each([
      { rate: 50, burst: 1, use: 0.95 },
      { rate: 100, burst: 10, use: 0.95 },
      { rate: 1000, burst: 100, use: 0.95 },
      { rate: 5000, burst: 10, use: 0.9 },
    ])(
      "are never admitted more often than $rate/s with a burst of $burst allows",
      async ({ use, ...limit }) => {
        const { told, seconds } = await run(count, { ...limit, per: "1s" });
        const admitted = told.reduce((sum, one) => sum + one.admitted, 0);
        const bound = limit.burst + limit.rate * seconds;
        const used = admitted / (limit.burst + limit.rate * SECONDS);
        const fair = jain(told.map((one) => one.admitted));
        console.log(
          `${count} processes, ${limit.rate}/s, burst ${limit.burst}: ${admitted} of ${bound.toFixed(0)}, ` +
            `${(used * 100).toFixed(1)} % used (goal ${use * 100}), fairness ${fair.toFixed(3)}`,
        );
        expect(admitted).toBeLessThanOrEqual(bound);
        // The goals are judged by the figures above: a busy machine may miss them, but not by this much.
        expect(used).toBeGreaterThan(0.5);
        expect(told.every(({ failed }) => failed === 0)).toBe(true);
      },
    );
  });

  test("does not care about a process whose clocks are an hour ahead", async () => {
    const { told, seconds } = await run(3, { rate: 200, per: "1s", burst: 10 }, 1);
    const admitted = told.reduce((sum, one) => sum + one.admitted, 0);
    expect(admitted).toBeLessThanOrEqual(10 + 200 * seconds);
    expect(jain(told.map((one) => one.admitted))).toBeGreaterThan(0.5);
  });

  test("with leases stays within what the leases allow", async () => {
    const lease = { tokens: 20, maxAge: "200ms" };
    const { told, seconds } = await run(4, { rate: 1000, per: "1s", burst: 100, lease });
    const admitted = told.reduce((sum, one) => sum + one.admitted, 0);
    expect(admitted).toBeLessThanOrEqual(100 + 1000 * (seconds + 0.2));
  });
});
