import http from "node:http";
import fc from "fast-check";
import { expect, test } from "vitest";
import { rateLimit, resilientFetch } from "../../../src/http/index.js";
import { serve } from "../client/servers.js";

interface Setting {
  readonly rate: number;
  readonly seconds: number;
  readonly cost: number;
  readonly clients: number;
  readonly atOnce: number;
}

/** How many 429 clients get that send for longer than their burst lasts. */
async function refusedOf({ rate, seconds, cost, clients, atOnce }: Setting): Promise<number> {
  const burst = rate * seconds;
  const limit = rateLimit<http.IncomingMessage>({
    limits: [{ name: "all", rate, burst }],
    key: (request) => String(request.headers["x-client"]),
    cost: () => cost,
  });
  let refused = 0;
  await using server = await serve((request, response) => {
    response.once("finish", () => {
      if (response.statusCode === 429) refused++;
    });
    limit(request, response, () => response.end("ok"));
  });
  const requests = Math.floor((burst + rate * seconds) / cost);
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      const fetch = resilientFetch();
      let left = requests;
      const send = async (): Promise<void> => {
        while (left-- > 0) {
          await (await fetch(server.url, { headers: { "x-client": String(client) } })).text();
        }
      };
      await Promise.all(Array.from({ length: atOnce }, send));
    }),
  );
  return refused;
}

test("a client that obeys never gets a 429 from a server that limits it", async () => {
  const settings = fc.record({
    rate: fc.integer({ min: 20, max: 120 }),
    seconds: fc.integer({ min: 2, max: 4 }),
    cost: fc.integer({ min: 1, max: 4 }),
    clients: fc.integer({ min: 1, max: 4 }),
    atOnce: fc.integer({ min: 1, max: 12 }),
  });
  const sample = fc.sample(settings, 6);
  const results = await Promise.all(
    sample.map(async (setting) => ({ setting, refused: await refusedOf(setting) })),
  );
  expect(results.filter(({ refused }) => refused > 0)).toEqual([]);
});
