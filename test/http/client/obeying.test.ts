import { fork } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rateLimit } from "../../../src/http/index.js";
import { serve } from "./servers.js";
import { type Found, simulate, type World } from "./simulated.js";

/** `HTTP_WORLDS=1500` for as many others; otherwise the same ones each time. */
const given = process.env["HTTP_WORLDS"];
const runs = given === undefined ? { numRuns: 40, seed: 1129 } : { numRuns: Number(given) };

/** Limits, clients and networks: the bucket holds at least `each` requests of the highest cost for each client. */
function anyWorld(each: number): fc.Arbitrary<World> {
  const drawn = fc.record({
    rate: fc.double({ min: 0.5, max: 100, noNaN: true }),
    seconds: fc.double({ min: 1, max: 60, noNaN: true }),
    costs: fc.constantFrom([1], [1], [3], [1, 3], [1, 2, 5]),
    clients: fc.integer({ min: 1, max: 16 }),
    callers: fc.integer({ min: 1, max: 30 }),
    part: fc.double({ min: 0.001, max: 0.05, noNaN: true }),
    pulse: fc.constantFrom(0, 0, 0, 500, 3000, 20_000),
    isLimitedTwice: fc.boolean(),
    seed: fc.integer({ min: 1, max: 2 ** 30 }),
  });
  return drawn.map(({ rate, seconds, costs, clients, callers, part, pulse, isLimitedTwice, seed }) => {
    const most = Math.max(...costs);
    // With several costs a client must have seen the highest before it can reckon with it.
    const least = clients * most * each * (costs.length > 1 ? 2 : 1);
    const burst = Math.ceil(Math.max(rate * seconds, least));
    const beside = isLimitedTwice ? { rate: rate * 2, burst: Math.ceil(burst * 1.5) } : undefined;
    const latency = Math.min(1000, ((part * burst) / rate) * 1000);
    const duration = Math.max((6 * burst) / rate, 240 / rate);
    return { rate, burst, beside, clients, callers, latency, costs, pulse, seed, duration };
  });
}

/** Worlds in which it does not hold, and what was found in them. */
async function exceptions(world: fc.Arbitrary<World>, holds: (found: Found, world: World) => boolean) {
  const found = new Map<string, Found>();
  const property = fc.asyncProperty(world, async (drawn) => {
    const result = await simulate(drawn);
    found.set(JSON.stringify(drawn), result);
    return holds(result, drawn);
  });
  const { counterexample } = await fc.check(property, runs);
  return (counterexample ?? []).map((each) => ({ ...each, ...found.get(JSON.stringify(each)) }));
}

describe("in simulated time, our client against our server", () => {
  test(
    "never gets a 429, whatever the limits, bursts, costs, callers, clients of one quota, and the network",
    { timeout: 600_000 },
    async () => {
      expect(await exceptions(anyWorld(6), ({ refused }) => refused === 0)).toEqual([]);
    },
  );

  test(
    "uses 90 % of the limit and more, however many clients share it, when they have enough to ask for",
    { timeout: 600_000 },
    async () => {
      const busy = anyWorld(6).map((world) => {
        const enough = Math.ceil((3 * world.rate * world.latency) / 1000 / world.clients);
        return { ...world, pulse: 0, callers: Math.max(8, enough, world.callers) };
      });
      expect(await exceptions(busy, ({ share }) => share >= 0.9)).toEqual([]);
    },
  );

  test("gives each client of one quota its part", { timeout: 600_000 }, async () => {
    const even = anyWorld(6).map((world) => ({ ...world, pulse: 0, callers: 10 }));
    // Who came first has had more of the first burst.
    const isEven = ({ least, most }: Found, { duration, rate, burst }: World): boolean =>
      most - least <= burst + (rate * duration) / 4;
    expect(await exceptions(even, isEven)).toEqual([]);
  });

  test("alone with a quota for each window, as other servers have it, is never refused", async () => {
    for (const [rate, burst, callers] of [
      [20, 20, 30],
      [10, 100, 20],
      [1, 60, 40],
      [2, 4, 4],
    ] as const) {
      const world = { rate, burst, clients: 1, callers, latency: 20, costs: [1], isWindow: true, seed: 7 };
      expect(await simulate({ ...world, duration: (20 * burst) / rate })).toMatchObject({ refused: 0 });
    }
  });
});

/** Servers that tell nothing but how long to wait, with a bucket or a quota for each window. */
const silentWorld = fc
  .record({
    rate: fc.double({ min: 0.5, max: 50, noNaN: true }),
    seconds: fc.double({ min: 2, max: 60, noNaN: true }),
    clients: fc.integer({ min: 1, max: 4 }),
    callers: fc.integer({ min: 1, max: 60 }),
    latency: fc.integer({ min: 5, max: 500 }),
    isWindow: fc.boolean(),
    seed: fc.integer({ min: 1, max: 2 ** 30 }),
  })
  .map(({ rate, seconds, clients, callers, ...others }): World => {
    const burst = Math.ceil(Math.max(rate * seconds, 4 * clients));
    // Enough to use all of it.
    const enough = Math.ceil((3 * rate * others.latency) / 1000 / clients);
    const duration = Math.max(300, (10 * burst) / rate);
    const demand = { clients, callers: Math.max(callers, enough) };
    return { ...others, ...demand, rate, burst, duration, costs: [1], isSilent: true };
  });

test(
  "in simulated time, a server that tells only how long to wait refuses few, ever more rarely, and is made use of",
  { timeout: 600_000 },
  async () => {
    const property = fc.asyncProperty(silentWorld, async (world) => {
      const { clients, callers, duration, rate, burst, isWindow } = world;
      const { refusedAgain, share } = await simulate(world);
      // As many as may be under way at once; after that, the longer it goes on, the fewer.
      expect(refusedAgain).toBeLessThan(clients * (2 * callers + 3 * Math.sqrt(duration)));
      const allowed = isWindow === true ? burst / Math.ceil(burst / rate) / rate : 1;
      expect(share).toBeGreaterThan(0.7 * allowed);
    });
    await fc.assert(property, runs);
  },
);

const program = path.resolve(import.meta.dirname, "../../fixtures/http-obedient-client.mjs");

test.each([
  { rate: 20, burst: 100, cost: 1, processes: 3, callers: 10, requests: 45 },
  { rate: 40, burst: 120, cost: 2, processes: 2, callers: 20, requests: 50 },
])(
  "over real sockets, processes that share a limit get no 429: %j",
  async ({ rate, burst, cost, processes, callers, requests }) => {
    const limit = rateLimit<http.IncomingMessage>({
      limits: [{ name: "all", rate, burst }],
      key: () => "all",
      cost: () => cost,
    });
    await using server = await serve((request, response) => {
      limit(request, response, () => response.end("ok"));
    });
    const children = Array.from({ length: processes }, () =>
      fork(program, [server.url, String(callers), String(requests)]),
    );
    const statuses = await Promise.all(
      children.map(async (child) => {
        const [[told], [code]] = await Promise.all([once(child, "message"), once(child, "exit")]);
        expect(code).toBe(0);
        return told as unknown;
      }),
    );
    expect(statuses).toEqual(children.map(() => ({ 200: requests })));
  },
);
