import { describe, expect, test } from "vitest";
import { resilientFetch } from "../../../src/http/index.js";
import { Obedience } from "../../../src/http/client/obedience.js";
import type { ExecuteOptions } from "../../../src/kernel/context.js";
import { RateLimiter } from "../../../src/rate-limiter/rate-limiter.js";
import { ManualClock } from "../../../src/testing/manual-clock.js";
import { reasonOf } from "../../policies/by-hand.js";

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
    using _listener = obedience.on("rejected", () => controller.abort());
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

test("calls and retries go slowly after it, which the figures of the client tell; a timeout makes room for the next", async () => {
  const clock = new ManualClock();
  const answers: ((status: number) => void)[] = [];
  const fetch = (...[, init]: Parameters<typeof globalThis.fetch>): Promise<Response> =>
    new Promise((resolve, reject) => {
      init?.signal?.addEventListener("abort", () => reject(init.signal?.reason as Error));
      answers.push((status) =>
        resolve(new Response(null, { status, headers: status === 429 ? { "retry-after": "30" } : {} })),
      );
    });
  const api = resilientFetch({
    fetch,
    retry: { attempts: 2, delay: 0, clock },
    rateLimiter: { rate: Infinity, clock },
    timeout: { timeout: "0.5s", clock },
  });
  const figures = () => api.stats()["http://a.example"];
  const first = api("http://a.example");
  await clock.advance(0);
  answers[0]?.(200);
  await first;
  expect(figures()).toMatchObject({ isRecovering: false, wait: 0 });
  const calls = Promise.allSettled(Array.from({ length: 6 }, () => api("http://a.example")));
  await clock.advance(0);
  for (const answer of answers.slice(1)) answer(429);
  await clock.advance("30s");
  expect(answers).toHaveLength(8);
  expect(figures()).toMatchObject({ isRecovering: true, queued: 5, running: 6 });
  // The one that goes ahead hangs.
  await clock.advance("0.4s");
  expect(answers).toHaveLength(8);
  await clock.advance("0.1s");
  expect(answers).toHaveLength(9);
  for (let answered = 8; answered < answers.length; answered++) {
    answers[answered]?.(200);
    await clock.advance(0);
  }
  const failed = (await calls).filter(({ status }) => status === "rejected");
  expect(failed).toMatchObject([{ reason: { code: "ERR_TIMEOUT_EXCEEDED" } }]);
  expect(figures()).toMatchObject({ queued: 0, running: 0 });
});

test.each([
  [2, 12],
  [3, 8],
  [10, 4],
])("a server that refuses one of %d requests, whatever their rate, is asked on", async (every, minutes) => {
  const clock = new ManualClock();
  const obedience = new Obedience("http", undefined, clock, () => undefined);
  let count = 0;
  const answer = async (): Promise<unknown> => {
    const status = ++count % every === 0 ? 503 : 200;
    return { status, headers: new Headers(status === 503 ? { "retry-after": "1" } : {}) };
  };
  let served = 0;
  const calls = Array.from({ length: 200 }, async () => {
    let status: unknown = 503;
    while (status === 503) ({ status } = (await obedience.execute(answer)) as { status: unknown });
    served++;
  });
  for (let second = 0; second < minutes * 60; second++) await clock.advance("1s");
  expect(served).toBe(200);
  await Promise.all(calls);
});
