import { expect, test } from "vitest";
import { resilientFetch } from "../../../src/http/client/resilient-fetch.js";
import { ManualClock } from "../../../src/testing/manual-clock.js";
import { reasonOf } from "../../policies/by-hand.js";

const url = "https://a.example/";

test("one clock is that of the policies, and of what a server asks for", async () => {
  const clock = new ManualClock();
  const answers = [
    new Response("later", { status: 429, headers: { "Retry-After": "20" } }),
    new Response("down", { status: 503 }),
    new Response("well"),
  ];
  const api = resilientFetch({
    clock,
    totalTimeout: "5m",
    retry: { attempts: 3, delay: () => 10 },
    timeout: "2s",
    fetch: async () => answers.shift() ?? new Response(null, { status: 500 }),
  });
  const answer = api(url);
  await clock.advance("19s");
  expect(answers).toHaveLength(2);
  await clock.advance("2s");
  expect(answers).toHaveLength(1);
  await clock.advance("8s");
  expect(answers).toHaveLength(1);
  await clock.advance("2s");
  expect(await (await answer).text()).toBe("well");
});

test("a call that hangs is ended by that clock, and its body too", async () => {
  const clock = new ManualClock();
  const fetch = async (_url: unknown, init?: RequestInit): Promise<Response> => {
    const start = (body: ReadableStreamDefaultController): void => {
      init?.signal?.addEventListener("abort", () => body.error(init.signal?.reason));
    };
    return new Response(new ReadableStream({ start }));
  };
  const api = resilientFetch({ clock, totalTimeout: "10s", fetch });
  const read = reasonOf((await api(url)).text());
  await clock.advance("10s");
  expect(await read).toMatchObject({ code: "ERR_TIMEOUT_EXCEEDED" });

  const hanging = resilientFetch({
    clock,
    timeout: "2s",
    rateLimiter: { rate: 1, per: "1m", burst: 1 },
    fetch: () => new Promise(() => {}),
  });
  const ended = reasonOf(hanging(url));
  await clock.advance("2s");
  expect(await ended).toMatchObject({ code: "ERR_TIMEOUT_EXCEEDED" });
  expect(hanging.stats()["https://a.example"]?.wait).toBeCloseTo(58);
  await clock.advance("1m");
  expect(hanging.stats()["https://a.example"]?.wait).toBe(0);
});

test.each(["GET", "POST"])(
  "the timeout of an attempt ends a %s, and not the reading of an answer",
  async (method) => {
    const clock = new ManualClock();
    const signals: (AbortSignal | null | undefined)[] = [];
    const answers = [new Promise<Response>(() => {}), Promise.resolve(new Response("well"))];
    const api = resilientFetch({
      clock,
      timeout: "2s",
      fetch: (_url, init) => {
        signals.push(init?.signal);
        return answers.shift() ?? Promise.reject(new Error("once more"));
      },
    });
    const late = reasonOf(api(url, { method }));
    await clock.advance("2s");
    expect(await late).toMatchObject({ code: "ERR_TIMEOUT_EXCEEDED" });
    const response = await api(url, { method });
    await clock.advance("1m");
    expect(signals.map((signal) => signal?.aborted)).toEqual([true, false]);
    expect(await response.text()).toBe("well");
  },
);
