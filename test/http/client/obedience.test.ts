import { describe, expect, test } from "vitest";
import { resilientFetch } from "../../../src/http/index.js";
import { ManualClock } from "../../../src/testing/manual-clock.js";
import { reasonOf } from "../../policies/by-hand.js";
import { serve } from "./servers.js";

const NOW = Date.UTC(2026, 10, 29, 12, 0, 0);
const at = (seconds: number): string => new Date(NOW + seconds * 1000).toUTCString();
const date = { date: at(0) };

/** What a server asks for, and the seconds that all callers wait. */
const ASKED: readonly (readonly [string, number, Readonly<Record<string, string>>, number])[] = [
  ["seconds", 429, { "retry-after": "30" }, 30],
  ["seconds of a 503", 503, { "retry-after": "30" }, 30],
  ["an IMF date", 429, { ...date, "retry-after": at(40) }, 40],
  ["an RFC 850 date", 429, { ...date, "retry-after": "Sunday, 29-Nov-26 12:00:50 GMT" }, 50],
  ["an asctime date", 429, { ...date, "retry-after": "Sun Nov 29 12:01:00 2026" }, 60],
  ["a date in the past", 429, { ...date, "retry-after": at(-40) }, 0],
  ["zero", 429, { "retry-after": "0" }, 0],
  ["an absurd time", 429, { "retry-after": "99999999999999999999" }, 86_400],
  ["a sign", 429, { "retry-after": "+30" }, 0],
  ["an exponent", 429, { "retry-after": "1e3" }, 0],
  ["a decimal", 429, { "retry-after": "1.5" }, 0],
  ["nonsense", 429, { "retry-after": "soon" }, 0],
  ["nothing", 429, {}, 0],
  ["seconds of a 500", 500, { "retry-after": "30" }, 0],
  ["no quota left", 200, { ratelimit: '"a";r=0;t=20' }, 20],
  ["no quota left of one of two", 200, { ratelimit: '"a";r=0;t=20, "b";r=9;t=70' }, 20],
  ["no quota left of two", 200, { ratelimit: '"a";r=0;t=20, "b";r=0;t=70' }, 70],
  ["no quota left, and Retry-After", 429, { ratelimit: '"a";r=0;t=20', "retry-after": "30" }, 30],
  ["no quota left, without a time", 200, { ratelimit: '"a";r=0' }, 0],
  ["no quota left, out of a cache", 200, { ratelimit: '"a";r=0;t=20', age: "3" }, 0],
  ["a malformed field", 200, { ratelimit: '"a";r=0;t=20,' }, 0],
  ["a field of draft 7", 200, { ratelimit: "limit=1, remaining=0, reset=20" }, 0],
  ["an absurd quota", 200, { ratelimit: '"a";r=0;t=999999999999999' }, 86_400],
];

describe("all callers wait after", () => {
  test.each(ASKED)("%s (%i %j): %i s", async (_, status, headers, seconds) => {
    await using server = await serve((__, response) => response.writeHead(status, headers).end());
    const api = resilientFetch();
    await (await api(server.url)).text();
    const wait = api.stats()[server.url]?.wait ?? 0;
    expect(wait).toBeLessThanOrEqual(seconds);
    expect(wait).toBeGreaterThan(seconds - 5);
    const other = resilientFetch({ obey: false });
    await (await other(server.url)).text();
    expect(other.stats()[server.url]?.wait).toBe(0);
  });

  test("a quota that runs low: its figures tell who waits, and how long", async () => {
    const clock = new ManualClock();
    const headers = { ratelimit: '"a";r=2;t=60', "ratelimit-policy": '"a";q=100;w=60' };
    const fetch = async (): Promise<Response> => new Response(null, { headers });
    const api = resilientFetch({ fetch, rateLimiter: { rate: Infinity, clock } });
    const figures = () => api.stats()["http://a.example"] ?? { queued: NaN, wait: NaN };
    await api("http://a.example");
    const calls = Array.from({ length: 5 }, () => api("http://a.example"));
    await clock.advance(0);
    expect(figures().queued).toBe(5);
    const { wait } = figures();
    expect(wait).toBeGreaterThan(0.5);
    expect(wait).toBeLessThan(60);
    await clock.advance(wait);
    expect(figures().queued).toBe(4);
    await clock.advance("1h");
    expect((await Promise.all(calls)).length).toBe(5);
    expect(figures().queued).toBe(0);
  });

  test("a pause: they go on when it is over, those with less time are refused at once", async () => {
    const clock = new ManualClock();
    let count = 0;
    const fetch = async (): Promise<Response> =>
      count++ === 0 ? new Response(null, { status: 429, headers: { "retry-after": "30" } }) : new Response();
    const api = resilientFetch({ fetch, rateLimiter: { rate: Infinity, clock } });
    await api("http://a.example");
    const waiting = api("http://a.example");
    await clock.advance("29s");
    expect(count).toBe(1);
    await clock.advance("2s");
    expect((await waiting).status).toBe(200);
    const hasty = resilientFetch({ fetch, totalTimeout: "1s" });
    count = 0;
    await hasty("http://a.example");
    expect(await reasonOf(hasty("http://a.example"))).toMatchObject({ code: "ERR_RATE_LIMIT_EXCEEDED" });
  });

  test("a limiter of the application is paused, too", async () => {
    const fetch = async (): Promise<Response> =>
      new Response(null, { status: 429, headers: { "retry-after": "30" } });
    const api = resilientFetch({ fetch, rateLimiter: { rate: 100 } });
    await api("http://a.example");
    expect(api.stats()["http://a.example"]?.wait).toBeGreaterThan(29);
  });

  test("a retry asks again when the server says, unless that is absurd", async () => {
    const clock = new ManualClock();
    let headers = { "retry-after": "30" };
    let count = 0;
    const fetch = async (): Promise<Response> => {
      count++;
      return new Response(null, { status: 429, headers });
    };
    const retry = { attempts: 2, delay: 0, clock };
    const api = resilientFetch({ fetch, retry, rateLimiter: { rate: Infinity, clock } });
    const call = api("http://a.example", { method: "POST", body: "a" });
    await clock.advance("29s");
    expect(count).toBe(1);
    await clock.advance("2s");
    expect([(await call).status, count]).toEqual([429, 2]);
    headers = { "retry-after": "99999999" };
    expect((await api("http://b.example")).status).toBe(429);
    expect(count).toBe(3);
  });
});

test("the first request to an origin goes ahead alone, for a second at most", async () => {
  const clock = new ManualClock();
  const answers: (() => void)[] = [];
  const fetch = (): Promise<Response> =>
    new Promise((resolve) => answers.push(() => resolve(new Response())));
  const api = resilientFetch({ fetch, rateLimiter: { rate: Infinity, clock } });
  const calls = Array.from({ length: 4 }, () => api("http://slow.example"));
  await clock.advance("0.9s");
  expect(answers).toHaveLength(1);
  await clock.advance("0.2s");
  expect(answers).toHaveLength(4);
  for (const answer of answers) answer();
  await Promise.all(calls);
});

test("who waits for the first answer waits on when that asks to", async () => {
  const clock = new ManualClock();
  let count = 0;
  const fetch = async (): Promise<Response> =>
    new Response(null, count++ === 0 ? { status: 429, headers: { "retry-after": "30" } } : {});
  const api = resilientFetch({ fetch, rateLimiter: { rate: Infinity, clock } });
  const calls = Array.from({ length: 4 }, () => api("http://busy.example"));
  await clock.advance("29s");
  expect(count).toBe(1);
  await clock.advance("2s");
  await Promise.all(calls);
  expect(count).toBe(4);
});

test("a response without headers, as tests have them, is a response", async () => {
  const bare = { status: 200, ok: true } as Response;
  const api = resilientFetch({ fetch: async () => bare, circuitBreaker: true });
  expect(await Promise.all([api("http://a.example"), api("http://a.example")])).toEqual([bare, bare]);
});

test("a caller that gives up while it waits for its turn leaves the queue", async () => {
  const clock = new ManualClock();
  const answers: (() => void)[] = [];
  const fetch = (): Promise<Response> =>
    new Promise((resolve) => answers.push(() => resolve(new Response())));
  const api = resilientFetch({ fetch, rateLimiter: { rate: Infinity, clock } });
  const first = api("http://slow.example");
  const controller = new AbortController();
  const second = reasonOf(api("http://slow.example", { signal: controller.signal }));
  const third = api("http://slow.example");
  await clock.advance("0.1s");
  const mine = new Error("mine");
  controller.abort(mine);
  expect(await second).toBe(mine);
  answers[0]?.();
  await first;
  await clock.advance("0.1s");
  expect(answers).toHaveLength(2);
  answers[1]?.();
  await third;
});

/** A server with a token bucket, which says what is left as draft 11 has it; `cost` of each request. */
async function limited(rate: number, burst: number, cost: number = 1) {
  let tokens = burst;
  let last = performance.now();
  const counts = { served: 0, refused: 0 };
  const server = await serve((_, response) => {
    const now = performance.now();
    tokens = Math.min(burst, tokens + ((now - last) / 1000) * rate);
    last = now;
    const isServed = tokens >= cost;
    if (isServed) tokens -= cost;
    counts[isServed ? "served" : "refused"]++;
    const full = Math.ceil((burst - tokens) / rate);
    response.writeHead(isServed ? 200 : 429, {
      ratelimit: `"a";r=${Math.floor(tokens)};t=${full}`,
      "ratelimit-policy": `"a";q=${burst};w=${Math.ceil(burst / rate)}`,
    });
    // Answers overtake one another.
    setTimeout(() => response.end(), Math.random() * 5);
  });
  return Object.assign(server, { counts });
}

describe("a client with its own quota is never refused", () => {
  test.concurrent.each([
    ["more callers at once than the burst", 20, 20, 60],
    ["few callers", 20, 20, 2],
    ["a small burst", 2, 4, 8],
    ["a large burst", 50, 100, 40],
  ])("%s", async (_, rate, burst, callers) => {
    await using server = await limited(rate, burst);
    const api = resilientFetch();
    const end = performance.now() + 2500;
    const controller = new AbortController();
    const call = async (): Promise<void> => {
      while (performance.now() < end) {
        const response = await api(server.url, { signal: controller.signal });
        await response.text();
      }
    };
    const calls = Promise.allSettled(Array.from({ length: callers }, call));
    setTimeout(() => controller.abort(), 2600);
    await calls;
    expect(server.counts.refused).toBe(0);
    // How many depends on the machine; that it goes on at all does not.
    expect(server.counts.served).toBeGreaterThan(callers / 2);
  });
});

test("fields in a trailer count for nothing", async () => {
  await using server = await serve((_, response) => {
    response.writeHead(200, { trailer: "RateLimit" });
    response.write("well");
    response.addTrailers({ RateLimit: '"a";r=0;t=50' });
    response.end();
  });
  const api = resilientFetch();
  expect(await (await api(server.url)).text()).toBe("well");
  expect(api.stats()[server.url]?.wait).toBe(0);
});

test("a 429 in spite of what was left is obeyed like any other, and repeated when it says", async () => {
  const clock = new ManualClock();
  let count = 0;
  const fetch = async (): Promise<Response> => {
    const status = count++ === 1 ? 429 : 200;
    const headers = { ratelimit: '"a";r=90;t=60', "ratelimit-policy": '"a";q=100;w=60' };
    return new Response(null, {
      status,
      headers: { ...headers, ...(status === 429 && { "retry-after": "5" }) },
    });
  };
  const retry = { attempts: 2, delay: 0, clock } as const;
  const api = resilientFetch({ fetch, retry, rateLimiter: { rate: Infinity, clock } });
  await api("http://a.example");
  const call = api("http://a.example");
  await clock.advance("4s");
  expect(count).toBe(2);
  await clock.advance("2s");
  expect([(await call).status, count]).toEqual([200, 3]);
});
