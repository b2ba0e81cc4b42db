import { describe, expect, test } from "vitest";
import { HttpStatusError } from "../../../src/http/client/errors.js";
import { Obedience } from "../../../src/http/client/obedience.js";
import type { ExecuteOptions } from "../../../src/kernel/context.js";
import { RateLimiter } from "../../../src/rate-limiter/rate-limiter.js";
import { ManualClock } from "../../../src/testing/manual-clock.js";
import { reasonOf } from "../../policies/by-hand.js";

type Fields = Readonly<Record<string, string>>;

/** Who obeys one server, what it tells, and who obeys another, of `http://other.example`. */
function obedient(isLimited: boolean = true) {
  const clock = new ManualClock();
  const limiter = new RateLimiter({ rate: Infinity, clock });
  const other = new Obedience("other", undefined, clock, () => undefined);
  const isOther = (url: string): boolean => url === "http://other.example/";
  const obedience = new Obedience("shop", isLimited ? limiter : undefined, clock, (url) =>
    isOther(url) ? other : undefined,
  );
  const told: unknown[] = [];
  for (const name of ["waited", "rejected"] as const)
    obedience.on(name, (payload) => told.push([name, payload]));
  /** Sends a request, which is answered at once. */
  const send = (
    status: number,
    fields: Fields = {},
    redirected: object = {},
    options?: ExecuteOptions,
  ): Promise<unknown> =>
    obedience.execute(async () => ({ status, headers: new Headers(fields), ...redirected }), options);
  return { clock, limiter, obedience, other, told, send };
}

/** What a server may tell, and for how many seconds nothing is sent then. */
const TOLD: readonly (readonly [string, number, Fields, number])[] = [
  ["a pause", 503, { "retry-after": "30" }, 30],
  ["an empty quota", 200, { ratelimit: '"a";r=0;t=20' }, 20],
  ["the longer of two empty quotas", 200, { ratelimit: '"a";r=0;t=20, "b";r=0;t=70' }, 70],
  ["one empty quota of two", 200, { ratelimit: '"a";r=0;t=20, "b";r=9;t=70' }, 20],
  ["an absurd time", 429, { "retry-after": "999999999" }, 86_400],
  ["an absurd quota", 200, { ratelimit: '"a";r=0;t=999999999' }, 86_400],
];

describe("a request", () => {
  test("that did not have to wait is not told of", async () => {
    const { told, send } = obedient(false);
    await send(200);
    await send(429);
    await send(200);
    expect(told).toEqual([]);
  });

  test("that had to wait is told of, with how long", async () => {
    const { clock, told, send } = obedient(false);
    await clock.advance("1m");
    await send(429, { "retry-after": "30" });
    await clock.advance("10s");
    const waiting = send(200);
    await clock.advance("19s");
    expect(told).toEqual([]);
    await clock.advance("1s");
    await waiting;
    expect(told).toEqual([["waited", { waited: 20 }]]);
  });

  test.each(TOLD)("that has less time than %s takes is refused at once, and told of", async (...told) => {
    const [, status, fields, wait] = told;
    const { clock, obedience, told: events, send } = obedient(false);
    await send(status, fields);
    await clock.advance(5);
    const refused = await reasonOf(send(200, {}, {}, { remaining: wait - 6 }));
    expect(refused).toMatchObject({ code: "ERR_RATE_LIMIT_EXCEEDED", retryAfter: wait - 5 });
    expect(String(refused)).toContain("the server asks to wait");
    expect(events).toEqual([["rejected", { retryAfter: wait - 5 }]]);
    expect(obedience.snapshot().queued).toBe(0);
    await clock.advance(wait - 6);
    expect(obedience.snapshot().wait).toBeGreaterThan(0);
    await clock.advance(1);
    expect(obedience.snapshot().wait).toBe(0);
  });

  test.each(TOLD)("waits at a limiter that there is, for %s", async (_, status, fields, wait) => {
    const { clock, limiter, send } = obedient();
    await send(status, fields);
    expect(limiter.timeUntilToken()).toBe(wait);
    await clock.advance(5);
    expect(limiter.timeUntilToken()).toBe(wait - 5);
  });

  test.each<[string, Fields]>([
    ["a quota that is not empty", { ratelimit: '"a";r=9;t=20' }],
    ["an empty quota out of a cache", { ratelimit: '"a";r=0;t=20', age: "3" }],
    ["an empty quota without a time", { ratelimit: '"a";r=0' }],
  ])("is held back by no limiter after %s", async (_, fields) => {
    const { limiter, send } = obedient();
    await send(200, fields);
    expect(limiter.timeUntilToken()).toBe(0);
  });
});

describe("after a redirection", () => {
  const there = { redirected: true, url: "http://other.example/" };

  test.each<[string, number, Fields]>([
    ["a pause", 429, { "retry-after": "20" }],
    ["an empty quota", 200, { ratelimit: '"a";r=0;t=20', "ratelimit-policy": '"a";q=9;w=20' }],
    ["both", 429, { ratelimit: '"a";r=0;t=90', "retry-after": "20" }],
  ])("%s is that of the server that has answered", async (_, status, fields) => {
    const { clock, limiter, obedience, other, send } = obedient();
    await other.execute(async () => ({ status: 200, headers: new Headers() }));
    await clock.advance("5s");
    await send(status, fields, there);
    expect(other.snapshot()).toMatchObject({ wait: 20, isRecovering: !("ratelimit" in fields) });
    expect(obedience.snapshot()).toMatchObject({ wait: 0, isRecovering: false });
    expect(limiter.timeUntilToken()).toBe(0);
  });

  test.each([{ redirected: true }, { redirected: true, url: "http://nobody.example/" }])(
    "to a server that nobody obeys (%j) nobody waits",
    async (redirected) => {
      const { limiter, obedience, other, send } = obedient();
      await send(429, { "retry-after": "20" }, redirected);
      expect([obedience.snapshot().wait, limiter.timeUntilToken()]).toEqual([0, 0]);
      expect(other.snapshot().isRecovering).toBe(false);
    },
  );
});

test("what the answer of an error asks for is obeyed", async () => {
  const { clock, limiter, obedience } = obedient();
  const response = { status: 503, headers: new Headers({ "retry-after": "20" }) };
  const error = new HttpStatusError(503, "http://shop.example", response);
  expect(await reasonOf(obedience.execute(() => Promise.reject(error)))).toBe(error);
  expect(limiter.timeUntilToken()).toBe(20);
  expect(obedience.snapshot()).toMatchObject({ wait: 20, isRecovering: true });
  await clock.advance("20s");
  expect(obedience.snapshot()).toMatchObject({ wait: 0, isRecovering: true });
});

test("a 503 without a time is no refusal: nobody waits, and nothing goes slowly", async () => {
  const { obedience, limiter, send } = obedient();
  await send(503);
  expect(obedience.snapshot()).toMatchObject({ wait: 0, isRecovering: false });
  expect(limiter.timeUntilToken()).toBe(0);
});

test("a request that waits goes on when one under way is lost, and one that was aborted is not sent", async () => {
  const { clock, obedience } = obedient(false);
  let lose: (reason: unknown) => void = () => {};
  const first = reasonOf(obedience.execute(() => new Promise((_, reject) => (lose = reject))));
  const second = obedience.execute(async () => "second");
  await clock.advance(0);
  expect(obedience.snapshot().queued).toBe(1);
  const mine = new Error("mine");
  lose(mine);
  expect([await first, await second]).toEqual([mine, "second"]);
  expect(clock.now()).toBe(0);

  const signal = AbortSignal.abort(mine);
  expect(await reasonOf(obedience.execute(() => expect.fail(), { signal }))).toBe(mine);
});

test.each([true, false])(
  "what a request has left of its time is told it after its wait (%s)",
  async (isLimited) => {
    const { clock, obedience, send } = obedient(isLimited);
    await send(429, { "retry-after": "30" });
    const left = obedience.execute(async ({ remaining }) => remaining, { remaining: 50 });
    await clock.advance("30s");
    expect(await left).toBe(20);
  },
);

test("the stats are those of the limiter", async () => {
  const { limiter, obedience, send } = obedient();
  await send(200);
  expect(obedience.stats).toEqual(limiter.stats);
  expect(obedience.stats).toMatchObject({ totalAcquired: 1 });
  expect(obedient(false).obedience.stats).toBeUndefined();
});
