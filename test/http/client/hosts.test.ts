import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import type { Component } from "../../../src/kernel/component.js";
import { logEvents } from "../../../src/log-events.js";
import { resilientFetch } from "../../../src/http/index.js";
import { ManualClock } from "../../../src/testing/manual-clock.js";
import { reasonOf } from "../../policies/by-hand.js";

const origin = (number: number): string => `http://host-${number}.example`;
const well = async (): Promise<Response> => new Response();

test("of 10,000 origins the last ones are kept", async () => {
  const api = resilientFetch({ fetch: well, maxHosts: 100, circuitBreaker: true, retry: true });
  for (let number = 0; number < 10_000; number++) await api(origin(number));
  const kept = Object.keys(api.stats());
  expect(kept).toHaveLength(100);
  expect(kept.at(-1)).toBe(origin(9999));
  expect(kept).not.toContain("others");
});

test("what is open, paused or under way is not forgotten; when there is no room, the others share", async () => {
  const hanging: (() => void)[] = [];
  const fetch = (input: unknown): Promise<Response> => {
    if (String(input).endsWith("/hang"))
      return new Promise((resolve) => hanging.push(() => resolve(new Response())));
    const status = String(input).endsWith("/broken") ? 500 : String(input).endsWith("/busy") ? 429 : 200;
    return Promise.resolve(new Response(null, { status, headers: { "retry-after": "100" } }));
  };
  const api = resilientFetch({
    fetch,
    maxHosts: 3,
    circuitBreaker: { maxFailures: 1 },
    totalTimeout: "9s",
    timeout: "8s",
  });
  await api(`${origin(0)}/broken`);
  await api(`${origin(1)}/busy`);
  const call = api(`${origin(2)}/hang`);
  for (let number = 3; number < 1000; number++) await api(origin(number));
  expect(Object.keys(api.stats()).toSorted()).toEqual([origin(0), origin(1), origin(2), "others"]);
  expect(await reasonOf(api(origin(0)))).toMatchObject({ code: "ERR_CIRCUIT_OPEN" });
  expect(await reasonOf(api(origin(1)))).toMatchObject({ code: "ERR_RATE_LIMIT_EXCEEDED" });
  for (const end of hanging) end();
  await call;
  await api(origin(1000));
  expect(Object.keys(api.stats())).toContain(origin(1000));
  expect(Object.keys(api.stats())).not.toContain(origin(2));
});

test("tokens that were taken are not forgotten", async () => {
  const clock = new ManualClock();
  const api = resilientFetch({ fetch: well, maxHosts: 1, rateLimiter: { rate: 1, maxQueue: 0, clock } });
  await api(origin(0));
  await api(origin(1));
  expect(await reasonOf(api(origin(0)))).toMatchObject({ code: "ERR_RATE_LIMIT_EXCEEDED" });
  await clock.advance("1s");
  await api(origin(2));
  expect(Object.keys(api.stats())).toEqual([origin(2), "others"]);
});

test("an origin is told by scheme, host and port, however the URL is written", async () => {
  const api = resilientFetch({ fetch: well });
  for (const url of [
    "http://a.example",
    "http://a.example/",
    "http://a.example:80/x?y#z",
    "HTTP://A.example?x",
    "http://user:word@a.example/",
    "http://a.example\\\\x",
  ])
    await api(url);
  expect(Object.keys(api.stats())).toEqual(["http://a.example"]);
  await api("http://a.example.evil.example/");
  await api("http://a.example@evil.example/");
  await api("http://a.example:8080/");
  await api("https://a.example/");
  expect(Object.keys(api.stats()).slice(1)).toEqual([
    "http://a.example.evil.example",
    "http://evil.example",
    "http://a.example:8080",
    "https://a.example",
  ]);
});

test("the policies of pipelines.<name> of the configuration are those of each origin", async () => {
  const { configure } = await import("../../../src/configure.js");
  using _ = configure({ pipelines: { payments: { circuitBreaker: { maxFailures: 1 } } } });
  const fetch = async (): Promise<Response> => new Response(null, { status: 500 });
  const api = resilientFetch({ name: "payments", fetch });
  await api(origin(0));
  expect(api.stats()[origin(0)]?.circuit).toBe("open");
});

test("what listens to all origins keeps nothing of those that were forgotten", async () => {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  const api = resilientFetch({
    fetch: well,
    maxHosts: 1,
    circuitBreaker: true,
    retry: true,
    bulkhead: { maxConcurrent: 5 },
  });
  const parts: WeakRef<Component>[] = [];
  const events: Record<string, string> = {
    "circuit-breaker": "success",
    "http-client": "waited",
    retry: "retry",
  };
  using _log = logEvents(console, [api]);
  using _one = api.on("retry.exhausted", () => {});
  const following = (api as Component).eachPart?.((part) => {
    parts.push(new WeakRef(part));
    return part.on(events[part.snapshot().kind] ?? "rejected", () => {});
  });
  for (let number = 0; number < 20; number++) await api(origin(number));
  await new Promise((resolve) => setImmediate(resolve));
  gc();
  const left = parts.filter((part) => part.deref() !== undefined);
  // The circuit, the retry, the bulkhead and what obeys, of one.
  expect([parts.length, left.length]).toEqual([80, 4]);
  following?.[Symbol.dispose]();
});
