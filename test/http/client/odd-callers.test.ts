import { Client, Pool } from "undici";
import { describe, expect, test } from "vitest";
import { resilienceInterceptor, resilientFetch } from "../../../src/http/index.js";
import type { Fetch } from "../../../src/http/client/options.js";
import { ManualClock } from "../../../src/testing/manual-clock.js";
import { reasonOf } from "../../policies/by-hand.js";
import { serve } from "./servers.js";

const retry = { attempts: 3, delay: 0 } as const;
const URL_OF_NOBODY = "http://a.example";

describe("a fetch of the application", () => {
  test.each([
    ["a response, not a promise of one", () => new Response("well")],
    // oxlint-disable-next-line unicorn/no-thenable
    ["a promise of a library", () => ({ then: (go: (value: unknown) => void) => go(new Response("well")) })],
  ])("may return %s", async (_, fetch) => {
    const api = resilientFetch({ retry, totalTimeout: "9s", fetch: fetch as unknown as Fetch });
    expect(await (await api(URL_OF_NOBODY)).text()).toBe("well");
  });

  test.each([undefined, null, "text", {}])("that gives %j is told so, once", async (given) => {
    let count = 0;
    const fetch = (async () => {
      count++;
      return given;
    }) as unknown as Fetch;
    const api = resilientFetch({ retry, fetch });
    const error = await reasonOf(api(URL_OF_NOBODY));
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).toContain("what fetch gives must be a Response; got");
    expect([count, api.stats()[URL_OF_NOBODY]?.running]).toEqual([1, 0]);
  });

  test.each(["lost", undefined])(
    "that rejects with %j, which is no error, has failed with one",
    async (mine) => {
      const api = resilientFetch({ retry, fetch: () => Promise.reject(mine) });
      expect(await reasonOf(api(URL_OF_NOBODY))).toMatchObject({
        name: "TypeError",
        message: `fetch failed: ${mine}`,
        cause: mine,
      });
    },
  );

  test("that does not end when it is aborted has no response that is kept", async () => {
    const clock = new ManualClock();
    const answers: (() => void)[] = [];
    const cancelled: number[] = [];
    const fetch = (): Promise<Response> =>
      new Promise((resolve) => {
        const count = answers.length;
        const body = new ReadableStream({ cancel: () => void cancelled.push(count) });
        answers.push(() => resolve(new Response(body, { status: count === 0 ? 200 : 500 })));
      });
    const api = resilientFetch({ fetch, clock, retry: { attempts: 2, delay: 0 }, timeout: "2s" });
    const call = reasonOf(api(URL_OF_NOBODY));
    await clock.advance("4s");
    expect(await call).toMatchObject({ code: "ERR_TIMEOUT_EXCEEDED", origin: URL_OF_NOBODY });
    for (const answer of answers) answer();
    await clock.advance(0);
    expect(cancelled).toEqual([0, 1]);
  });

  test("that throws at once has rejected", async () => {
    const mine = new Error("mine");
    const fetch = (): never => {
      throw mine;
    };
    expect(await reasonOf(resilientFetch({ retry, fetch })(URL_OF_NOBODY))).toBe(mine);
  });
});

describe("arguments", () => {
  test("that change between attempts do not change what is sent", async () => {
    const sent: unknown[] = [];
    const init = { method: "PUT", body: "a" };
    const fetch: Fetch = async (_, given) => {
      sent.push(given?.method);
      init.method = "POST";
      return new Response(null, { status: sent.length < 3 ? 503 : 200 });
    };
    await resilientFetch({ retry, fetch })(URL_OF_NOBODY, init);
    expect(sent).toEqual(["PUT", "PUT", "PUT"]);
  });

  test("may take the signal of a Request away, as with fetch", async () => {
    const sent: Parameters<Fetch>[] = [];
    const fetch: Fetch = async (...args) => {
      sent.push(args);
      return new Response("well");
    };
    const api = resilientFetch({ retry, fetch });
    const mine = new Error("mine");
    const request = new Request(URL_OF_NOBODY, { signal: AbortSignal.abort(mine) });
    expect(await reasonOf(api(request))).toBe(mine);
    expect(sent).toEqual([]);
    expect(await (await api(request, { signal: null })).text()).toBe("well");
    expect(sent).toHaveLength(1);
  });

  test("that override those of a Request count", async () => {
    let count = 0;
    const fetch: Fetch = async () => new Response(null, { status: ++count < 3 ? 503 : 200 });
    const api = resilientFetch({ retry, fetch });
    const keyed = new Request(URL_OF_NOBODY, { method: "POST", headers: { "idempotency-key": "a" } });
    expect([(await api(keyed)).status, count]).toEqual([200, 3]);
    count = 0;
    expect([(await api(keyed, { headers: {} })).status, count]).toEqual([503, 1]);
    count = 0;
    expect([(await api(keyed, { headers: {}, method: "put" })).status, count]).toEqual([200, 3]);
  });

  test.each([
    [undefined],
    [null],
    [Symbol("a")],
    [{}],
    ["http://[", { method: 5 }],
    [URL_OF_NOBODY, { method: "A B" }],
  ])("that are none (%#) are refused as by fetch", async (...args) => {
    const [input, init] = args as Parameters<Fetch>;
    const expected = await reasonOf(fetch(input, init));
    const error = await reasonOf(resilientFetch({ retry })(input, init));
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).toBe(String(expected));
  });
});

describe("a dispatcher of one origin", () => {
  test.each([Client, Pool])("has policies also when a request does not name it (%#)", async (Dispatcher) => {
    await using server = await serve((_, response, count) => response.writeHead(count < 3 ? 503 : 200).end());
    const dispatcher = new Dispatcher(server.url);
    const interceptor = resilienceInterceptor({ retry });
    const { statusCode, body } = await dispatcher.compose(interceptor).request({ path: "/", method: "GET" });
    await body.dump();
    expect([statusCode, server.requests.length]).toEqual([200, 3]);
    expect(Object.keys(interceptor.stats())).toEqual(["pool 1"]);
    await dispatcher.close();
  });
});
