import http from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { shedLoad } from "../../../src/http/index.js";
import { AdaptiveLimiter } from "../../../src/policies/adaptive-limiter/adaptive-limiter.js";
import { Bulkhead } from "../../../src/policies/bulkhead/bulkhead.js";
import { serve, type Server, until } from "../client/servers.js";

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each[Symbol.asyncDispose]();
});

/** A server whose responses end when `finish` is called. */
async function shedding(options: Parameters<typeof shedLoad>[0], withNext = false) {
  const shed = shedLoad<http.IncomingMessage, http.ServerResponse>(options);
  const waiting: http.ServerResponse[] = [];
  const server: Server = await serve(async (request, response) => {
    if (withNext) shed(request, response, () => waiting.push(response));
    else if (await shed(request, response)) waiting.push(response);
  });
  open.push(server);
  return { server, waiting, finish: () => waiting.shift()?.end("done") };
}

describe.each(["bulkhead", "adaptiveLimiter"] as const)("shedLoad by %s", (by) => {
  const limits = (queue = 0) => {
    const limiter =
      by === "bulkhead"
        ? new Bulkhead({ maxConcurrent: 1, maxQueue: queue })
        : new AdaptiveLimiter({ initial: 1, min: 1, max: 1, maxQueue: queue });
    return { limiter, options: { [by]: limiter, retryAfter: 2.5 } };
  };

  test.each([false, true])(
    "refuses what is beyond it, until a response ends (with next: %s)",
    async (withNext) => {
      const { limiter, options } = limits();
      const { server, waiting, finish } = await shedding(options, withNext);
      const first = fetch(server.url);
      await until(() => waiting.length === 1);
      const refused = await fetch(server.url);
      expect([refused.status, refused.headers.get("retry-after"), await refused.json()]).toEqual([
        503,
        "3",
        {
          type: "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity",
          title: "Request cannot be satisfied due to temporary server capacity constraints",
          status: 503,
        },
      ]);
      finish();
      expect(await (await first).text()).toBe("done");
      await until(() => limiter.running === 0);
      const next = fetch(server.url);
      await until(() => waiting.length === 1);
      finish();
      expect((await next).status).toBe(200);
    },
  );

  test("gives the permit back when the client goes away, and serves nobody who went away in the queue", async () => {
    const { limiter, options } = limits(1);
    const { server, waiting, finish } = await shedding(options);
    const first = new AbortController();
    const gone = fetch(server.url, { signal: first.signal }).catch(() => "gone");
    await until(() => waiting.length === 1);
    const second = new AbortController();
    const queued = fetch(server.url, { signal: second.signal }).catch(() => "gone");
    await until(() => limiter.queued === 1);
    second.abort();
    expect(await queued).toBe("gone");
    await until(() => server.open === 1);
    first.abort();
    expect(await gone).toBe("gone");
    await until(() => limiter.running === 0 && limiter.queued === 0);
    expect(waiting).toHaveLength(1);
    waiting.shift();
    const last = fetch(server.url);
    await until(() => waiting.length === 1);
    finish();
    expect((await last).status).toBe(200);
  });
});

describe("the options of shedLoad", () => {
  test.each<[unknown, RegExp]>([
    [{}, /bulkhead or adaptiveLimiter; got neither/],
    [{ bulkhead: new Bulkhead(), adaptiveLimiter: new AdaptiveLimiter() }, /got both/],
    [{ bulkhead: 10 }, /bulkhead must be a bulkhead or an adaptive limiter; got 10/],
    [{ bulkhead: new Bulkhead(), retryAfter: -1 }, /retryAfter/],
    [{ bulkheads: 1 }, /bulkheads/],
  ])("%# is an error that says what is allowed", (options, message) => {
    expect(() => shedLoad(options as Parameters<typeof shedLoad>[0])).toThrow(message);
  });
});
