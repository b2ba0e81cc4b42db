import { Client, Pool } from "undici";
import { describe, expect, test } from "vitest";
import { resilienceInterceptor, resilientFetch } from "../../../src/http/index.js";
import type { Fetch } from "../../../src/http/client/options.js";
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
