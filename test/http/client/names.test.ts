import { afterAll, beforeAll, expect, test } from "vitest";
import type { resilientFetch as ResilientFetch } from "../../../src/http/index.js";
import { reasonOf } from "../../policies/by-hand.js";
import { serve } from "./servers.js";

const channels = process.getBuiltinModule("node:diagnostics_channel");
const { channel } = channels;
/** The `name` of each message, by channel. */
const names = new Map<string, Set<unknown>>();

// Before the package opens any of its channels.
beforeAll(() => {
  Object.assign(channels, {
    channel(name: string) {
      const opened = channel(name);
      // Node has its own.
      if (!name.startsWith("kstlib.")) return opened;
      opened.subscribe((message) => {
        const heard = names.get(name) ?? new Set();
        names.set(name, heard.add((message as { readonly name: unknown }).name));
      });
      return opened;
    },
  });
});
afterAll(() => Object.assign(channels, { channel }));

async function provoke(resilientFetch: typeof ResilientFetch): Promise<void> {
  await using server = await serve((request, response) => {
    const { url = "" } = request;
    if (url === "/hang") return;
    if (url === "/slow") setTimeout(() => response.end(), 40);
    else response.writeHead(url === "/broken" ? 500 : url === "/busy" ? 429 : 200).end();
  });
  const api = resilientFetch({
    name: "shop",
    fallback: { to: () => new Response(null, { status: 299 }) },
    totalTimeout: "400ms",
    retry: { attempts: 2, delay: 0, budget: { ratio: 0.1, minPerSecond: 0 } },
    hedge: { delay: "10ms" },
    rateLimiter: { rate: 1e6, maxQueue: 0 },
    circuitBreaker: { maxFailures: 2, resetTimeout: "10ms" },
    bulkhead: { maxConcurrent: 2, maxQueue: 0 },
    adaptiveLimiter: true,
    timeout: "50ms",
  });
  const paths = ["", "/slow", "/hang", "/broken", "/broken", "/broken", "/broken", "", "/busy"];
  for (const path of paths) await api(`${server.url}${path}`);
  await Promise.all(Array.from({ length: 6 }, () => api(`${server.url}/slow`)));
}

test("no message on a channel has an origin for a name", async () => {
  const { resilientFetch } = await import("../../../src/http/index.js");
  await provoke(resilientFetch);
  expect(names.size).toBeGreaterThan(8);
  const all = new Set([...names.values()].flatMap((heard) => [...heard]));
  // Of a budget that was given without one, its default.
  const known = new Set<unknown>(["shop", "shop-total", "retry-budget"]);
  expect([...names].filter(([, heard]) => [...heard].some((name) => !known.has(name)))).toEqual([]);
  expect(all).toContain("shop");
});

test("errors tell the origin", async () => {
  const { resilientFetch } = await import("../../../src/http/index.js");
  await using server = await serve((_, response) => response.writeHead(500).end());
  for (const perHost of [true, false]) {
    const api = resilientFetch({ name: "shop", perHost, circuitBreaker: { maxFailures: 1 } });
    await api(server.url);
    expect(await reasonOf(api(server.url))).toMatchObject({
      code: "ERR_CIRCUIT_OPEN",
      origin: server.url,
      message: expect.stringContaining("shop") as string,
    });
  }
});
