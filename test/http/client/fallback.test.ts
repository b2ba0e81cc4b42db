import { expect, test } from "vitest";
import { configure } from "../../../src/configure.js";
import { resilientFetch, type ResilientFetchOptions } from "../../../src/http/index.js";
import { Fallback } from "../../../src/policies/fallback/fallback.js";
import { ManualClock } from "../../../src/testing/manual-clock.js";
import { reasonOf } from "../../policies/by-hand.js";

const down = async (): Promise<Response> => new Response("down", { status: 500 });

test.each<[string, ResilientFetchOptions]>([
  ["options", { fallback: { lastGood: { maxAge: "5m" } } }],
  ["an instance", { fallback: new Fallback({ lastGood: { maxAge: "5m" } }) }],
  ["a name", { fallback: "kept" }],
])("the last good response, by %s, is refused: its body was read, for another request", (_, options) => {
  using _configured = configure({ fallback: { instances: { kept: { lastGood: { maxAge: "5m" } } } } });
  expect(() => resilientFetch(options)).toThrow(/fallback\.lastGood cannot be an option of resilientFetch/);
});

test("one response for all calls is refused: its body is read once", () => {
  const options = { fallback: { to: new Response("x") } };
  expect(() => resilientFetch(options)).toThrow(/must be a function that makes a Response/);
});

test("what answers instead knows the request", async () => {
  const asked: unknown[] = [];
  const api = resilientFetch({
    fetch: down,
    fallback: {
      to: (_outcome, _context, input: string, init?: RequestInit) => {
        asked.push([input, init?.method]);
        return new Response(`instead of ${input}`);
      },
    },
  });
  const { signal } = new AbortController();
  const [one, other] = await Promise.all([
    api("http://x.example/users/1"),
    api("http://x.example/users/2", { method: "POST", signal }),
  ]);
  expect(await one?.text()).toBe("instead of http://x.example/users/1");
  expect(await other?.text()).toBe("instead of http://x.example/users/2");
  expect(asked).toEqual([
    ["http://x.example/users/1", undefined],
    ["http://x.example/users/2", "POST"],
  ]);
});

test("nothing answers instead of a response that the caller has, though its body comes too late", async () => {
  const clock = new ManualClock();
  const asked: unknown[] = [];
  const fetch = async (_url: unknown, init?: RequestInit): Promise<Response> => {
    const start = (body: ReadableStreamDefaultController): void => {
      init?.signal?.addEventListener("abort", () => body.error(init.signal?.reason));
    };
    return new Response(new ReadableStream({ start }));
  };
  const to = (outcome: unknown): Response => {
    asked.push(outcome);
    return new Response("instead");
  };
  const api = resilientFetch({ clock, fetch, totalTimeout: "5s", fallback: { to } });
  const reading = reasonOf((await api("http://x.example")).text());
  await clock.advance("5s");
  expect(await reading).toMatchObject({ code: "ERR_TIMEOUT_EXCEEDED" });
  expect(asked).toEqual([]);
});
