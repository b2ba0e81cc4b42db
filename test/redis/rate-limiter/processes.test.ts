import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { hasRedis, startServer } from "../servers/servers.js";

const program = fileURLToPath(new URL("../../fixtures/shared-limiter-process.mjs", import.meta.url));

interface Share {
  readonly granted: number;
  readonly begin: number;
  readonly last: number;
  readonly totalCalls: number;
}

/** What each of several processes was granted that wait in line for two seconds. */
async function share(count: number, options: object): Promise<readonly Share[]> {
  const server = await startServer();
  const children = Array.from({ length: count }, (_, at) => {
    // The clock of one is an hour off.
    const skew = at === 0 ? 3_600_000 : 0;
    return fork(program, [
      JSON.stringify({ port: server.port, duration: 2000, waiters: 8, skew, ...options }),
    ]);
  });
  await Promise.all(children.map((child) => once(child, "message")));
  const told = Promise.all(children.map((child) => once(child, "message")));
  const ended = Promise.all(children.map((child) => once(child, "exit")));
  for (const child of children) child.send("go");
  const shares = (await told).map(([message]) => message as Share);
  expect((await ended).map(([code]) => code as number)).toEqual(children.map(() => 0));
  return shares;
}

describe.skipIf(!hasRedis)("processes that wait in line for one limit", () => {
  test.each([
    { count: 4, rate: 50, burst: 1 },
    { count: 4, rate: 100, burst: 10 },
    { count: 12, rate: 1000, burst: 100 },
  ])(
    "$count of them are never above $rate/s and a burst of $burst, and all have their share",
    async ({ count, ...limits }) => {
      const shares = await share(count, limits);
      const begin = Math.min(...shares.map((one) => one.begin));
      const end = Math.max(...shares.map((one) => one.last));
      const bound = limits.burst + (limits.rate * (end - begin + 1)) / 1000;
      const sum = shares.reduce((all, { granted }) => all + granted, 0);
      const squares = shares.reduce((all, { granted }) => all + granted ** 2, 0);
      const calls = shares.reduce((all, { totalCalls }) => all + totalCalls, 0);
      console.log(
        `${count} processes, ${limits.rate}/s, burst ${limits.burst}: ${sum} of ${bound.toFixed(0)}, fairness ${(sum ** 2 / (count * squares)).toFixed(3)}, calls a token ${(calls / sum).toFixed(2)}`,
      );
      expect(sum).toBeLessThanOrEqual(bound);
      // Jain's index of fairness: 1 when all have the same, 1 / count when one has everything.
      expect(sum ** 2 / (count * squares)).toBeGreaterThan(0.8);
      expect(Math.min(...shares.map(({ granted }) => granted))).toBeGreaterThan(0);
    },
  );

  test("are within the bound of their leases", async () => {
    const shares = await share(4, { rate: 500, burst: 50, lease: { tokens: 10, maxAge: "200ms" } });
    const begin = Math.min(...shares.map((one) => one.begin));
    const end = Math.max(...shares.map((one) => one.last));
    const sum = shares.reduce((all, { granted }) => all + granted, 0);
    console.log(`leases: ${sum} in ${end - begin} ms`);
    expect(sum).toBeLessThanOrEqual(50 + (500 * (end - begin + 1 + 200)) / 1000);
    expect(sum).toBeGreaterThan(0);
  });
});
