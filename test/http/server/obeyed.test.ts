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

/** How many 429 clients get that send for longer than their burst lasts, and how much of what the limit allows they use. */
async function obeyed({ rate, seconds, cost, clients, atOnce }: Setting) {
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
  const shares = await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      const fetch = resilientFetch();
      let left = requests;
      // What a full bucket gives at first is not counted.
      let start = 0;
      const send = async (): Promise<void> => {
        while (left-- > 0) {
          if (left === Math.floor(requests / 2)) start = performance.now();

          await (await fetch(server.url, { headers: { "x-client": String(client) } })).text();
        }
      };
      await Promise.all(Array.from({ length: atOnce }, send));
      return (Math.floor(requests / 2) * cost) / ((rate * (performance.now() - start)) / 1000);
    }),
  );
  return { refused, share: Math.min(...shares) };
}

test("a client that obeys never gets a 429 from a server that limits it, and uses most of what it may", async () => {
  const settings = fc.record({
    rate: fc.integer({ min: 20, max: 120 }),
    seconds: fc.integer({ min: 2, max: 4 }),
    cost: fc.integer({ min: 1, max: 4 }),
    clients: fc.integer({ min: 1, max: 4 }),
    atOnce: fc.integer({ min: 1, max: 12 }),
  });
  const results = await Promise.all(
    fc.sample(settings, 6).map(async (setting) => [setting, await obeyed(setting)] as const),
  );
  if (process.env["SHOW"]) console.log(JSON.stringify(results, null, 1));
  expect(results.filter(([, { refused }]) => refused > 0)).toEqual([]);
});
