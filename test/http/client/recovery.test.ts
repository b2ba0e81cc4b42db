import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Obedience } from "../../../src/http/client/obedience.js";
import type { ExecuteOptions } from "../../../src/kernel/context.js";
import { RateLimiter } from "../../../src/rate-limiter/rate-limiter.js";
import { ManualClock } from "../../../src/testing/manual-clock.js";
import { reasonOf } from "../../policies/by-hand.js";
import { simulate, type World } from "./simulated.js";

const refusal = { status: 429, headers: { "retry-after": "30" } };

interface Sent {
  answer(answer: { readonly status: number; readonly headers?: Readonly<Record<string, string>> }): void;
  lose(reason: unknown): void;
}

/** A client and its requests under way, which the test answers. */
function clientOf(isLimited: boolean) {
  const clock = new ManualClock();
  const limiter = isLimited ? new RateLimiter({ rate: Infinity, clock }) : undefined;
  const obedience = new Obedience("http", limiter, clock, () => undefined);
  const sent: Sent[] = [];
  const call = (options?: ExecuteOptions): Promise<unknown> =>
    obedience.execute(
      ({ signal }) =>
        new Promise((resolve, reject) => {
          options?.signal?.addEventListener("abort", () => reject(signal.reason as Error));
          sent.push({
            answer: ({ status, headers = {} }) => resolve({ status, headers: new Headers(headers) }),
            lose: reject,
          });
        }),
      options,
    );
  /** Answers the next ones; without a number, all that are under way. */
  let answered = 0;
  const answer = async (
    count: number = sent.length - answered,
    how: Parameters<Sent["answer"]>[0] = { status: 200 },
  ): Promise<void> => {
    for (const each of sent.slice(answered, (answered += count))) each.answer(how);
    await clock.advance(0);
  };
  const refuse = async (): Promise<void> => {
    void call();
    await clock.advance(0);
    await answer(1, refusal);
  };
  return { clock, obedience, sent, call, answer, refuse };
}

describe.each([
  ["without a limiter", false],
  ["with one", true],
])("after a pause that came without a quota, %s", (_, isLimited) => {
  test("one request goes ahead, and more as requests succeed, until none waits", async () => {
    const { clock, obedience, sent, call, answer, refuse } = clientOf(isLimited);
    await refuse();
    const calls = Array.from({ length: 20 }, () => call());
    await clock.advance("29.9s");
    expect(sent).toHaveLength(1);
    await clock.advance("0.1s");
    expect(sent).toHaveLength(2);
    expect(obedience.snapshot()).toMatchObject({ isRecovering: true, queued: 19 });
    const rounds: number[] = [];
    for (let before = 1; sent.length > before;) {
      rounds.push(sent.length - before);
      before = sent.length;
      await answer(rounds.at(-1) ?? 0);
    }
    expect(rounds).toEqual([1, 1, 2, 3, 4, 6, 3]);
    await Promise.all(calls);
    expect(obedience.snapshot()).toMatchObject({ queued: 0, wait: 0 });
  });

  test("when that one is refused, the others wait on, and one asks again: each time later, a minute at most", async () => {
    const { clock, obedience, sent, call, answer, refuse } = clientOf(isLimited);
    await refuse();
    const calls = Array.from({ length: 20 }, () => call());
    const waits: number[] = [];
    for (let asked = 2; asked <= 5; asked++) {
      const { wait } = obedience.snapshot();
      await clock.advance(wait);
      expect(sent).toHaveLength(asked);
      waits.push(Math.round(wait));
      await answer(1, { status: 429, headers: { "retry-after": "10" } });
    }
    expect(waits).toEqual([30, 60, 60, 60]);
    // That was a time without service, not a rate.
    await clock.advance("60s");
    for (let round = 0; round < 8; round++) await answer();
    expect(await Promise.all(calls)).toHaveLength(20);
  });

  test.each([
    ["a lost connection", (sent?: Sent) => sent?.lose(new Error("lost"))],
    ["a failure", (sent?: Sent) => sent?.answer({ status: 500 })],
    ["a server that is busy and does not say how long", (sent?: Sent) => sent?.answer({ status: 503 })],
  ])("%s lets only the next one go", async (__, end) => {
    const { clock, sent, call, refuse } = clientOf(isLimited);
    await refuse();
    for (let count = 0; count < 5; count++) call().catch(() => {});
    await clock.advance("30s");
    for (let count = 2; count < 6; count++) {
      expect(sent).toHaveLength(count);
      end(sent[count - 1]);
      await clock.advance(0);
    }
  });

  test("a refusal that says nothing counts for one as well", async () => {
    const { clock, sent, call, answer, refuse } = clientOf(isLimited);
    await refuse();
    for (let count = 0; count < 5; count++) void call();
    await clock.advance("30s");
    await answer(1, { status: 429 });
    await clock.advance("59s");
    expect(sent).toHaveLength(2);
    await clock.advance("1s");
    expect(sent).toHaveLength(3);
  });

  test("one that hangs holds the others up for a second each, or until it is given up", async () => {
    const { clock, sent, call, refuse } = clientOf(isLimited);
    await refuse();
    const controller = new AbortController();
    const first = reasonOf(call({ signal: controller.signal }));
    for (let count = 0; count < 5; count++) void call();
    await clock.advance("30.9s");
    expect(sent).toHaveLength(2);
    await clock.advance("0.2s");
    expect(sent).toHaveLength(3);
    const mine = new Error("mine");
    controller.abort(mine);
    expect(await first).toBe(mine);
    await clock.advance("1s");
    expect(sent).toHaveLength(4);
  });

  test("the one that goes ahead and is aborted makes room for the next at once", async () => {
    const { clock, sent, call, refuse } = clientOf(isLimited);
    await refuse();
    const controller = new AbortController();
    const first = reasonOf(call({ signal: controller.signal }));
    void call();
    await clock.advance("30s");
    expect(sent).toHaveLength(2);
    controller.abort();
    await first;
    await clock.advance(0);
    expect(sent).toHaveLength(3);
  });

  test("one that is aborted while it waits leaves, and no other is lost", async () => {
    const { clock, obedience, sent, call, answer, refuse } = clientOf(isLimited);
    await refuse();
    const controllers = Array.from({ length: 5 }, () => new AbortController());
    const calls = controllers.map(({ signal }) => reasonOf(call({ signal })));
    const last = call();
    controllers[0]?.abort();
    await clock.advance("30s");
    for (const controller of controllers.slice(1)) controller.abort();
    expect((await Promise.all(calls)).map((reason) => (reason as Error).name)).toEqual(
      Array(5).fill("AbortError"),
    );
    await clock.advance(0);
    // The one that was under way, and the last.
    await answer(2);
    expect(await last).toMatchObject({ status: 200 });
    expect([sent.length, obedience.snapshot().queued]).toEqual([3, 0]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("one that has less time is refused at once, also when the pause becomes longer than it has", async () => {
    const { clock, obedience, sent, call, answer, refuse } = clientOf(isLimited);
    await refuse();
    const late = { code: "ERR_RATE_LIMIT_EXCEEDED", retryAfter: 30 };
    expect(await reasonOf(call({ remaining: 20 }))).toMatchObject(late);
    const first = call();
    const hasty = reasonOf(call({ remaining: 40 }));
    await clock.advance("30s");
    expect(sent).toHaveLength(2);
    await answer(1, refusal);
    await first;
    expect(await hasty).toMatchObject(late);
    expect(obedience.snapshot().queued).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  test("those that are refused together may be aborted by whoever hears of the first", async () => {
    const { clock, obedience, sent, call, answer, refuse } = clientOf(isLimited);
    await refuse();
    const first = call();
    const controller = new AbortController();
    const hasty = [1, 2, 3].map(() => reasonOf(call({ remaining: 40, signal: controller.signal })));
    const patient = call();
    using _ = obedience.on("rejected", () => controller.abort());
    await clock.advance("30s");
    await answer(1, refusal);
    await Promise.all([first, ...hasty]);
    expect(obedience.snapshot().queued).toBe(1);
    await clock.advance("60s");
    await answer();
    expect([(await patient) as object, sent.length]).toMatchObject([{ status: 200 }, 3]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("a minute later it is forgotten", async () => {
    const { clock, obedience, sent, call, answer, refuse } = clientOf(isLimited);
    await refuse();
    const next = call();
    await clock.advance("30s");
    await answer(1);
    await next;
    await clock.advance("60s");
    expect(obedience.snapshot()).toMatchObject({ isRecovering: false, wait: 0 });
    for (let count = 0; count < 20; count++) void call();
    await clock.advance(0);
    expect(sent).toHaveLength(22);
  });

  test("a quota that the refusal tells is gone by instead", async () => {
    const { clock, obedience, sent, call, answer } = clientOf(isLimited);
    void call();
    await clock.advance(0);
    const quota = { ratelimit: '"a";r=99;t=60', "ratelimit-policy": '"a";q=100;w=60' };
    await answer(1, { status: 429, headers: { ...refusal.headers, ...quota } });
    for (let count = 0; count < 20; count++) void call();
    await clock.advance("29s");
    expect(sent).toHaveLength(1);
    await clock.advance("2s");
    expect(sent.length).toBeGreaterThan(1);
    expect(obedience.snapshot().isRecovering).toBe(false);
  });
});

test("it keeps the rate that the server has shown between two refusals as long as they were apart, then asks for more", async () => {
  const { clock, sent, call, answer, refuse } = clientOf(false);
  await refuse();
  for (let count = 0; count < 200; count++) void call();
  await clock.advance("30s");
  // Ten in half a minute, then the server refuses those that are under way.
  for (let count = 0; count < 10; count++) await answer(1);
  await answer(undefined, refusal);
  await clock.advance("30s");
  const counts: number[] = [];
  for (let half = 0; half < 4; half++) {
    const before = sent.length;
    for (let second = 0; second < 30; second++) {
      await answer();
      await clock.advance("1s");
    }
    counts.push(sent.length - before);
  }
  expect(counts).toEqual([10, 14, 28, 58]);
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

const given = process.env["HTTP_WORLDS"];
const runs = given === undefined ? { numRuns: 40, seed: 1129 } : { numRuns: Number(given) };

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
