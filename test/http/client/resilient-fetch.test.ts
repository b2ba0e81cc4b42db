import { getEventListeners } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { HttpStatusError, resilientFetch } from "../../../src/http/index.js";
import { CircuitBreaker } from "../../../src/circuit-breaker/circuit-breaker.js";
import { TimeoutExceededError } from "../../../src/policies/timeout/errors.js";
import { Retry } from "../../../src/policies/retry/retry.js";
import { ManualClock } from "../../../src/testing/manual-clock.js";
import { reasonOf } from "../../policies/by-hand.js";
import { bodyOf, serve, until } from "./servers.js";

const retry = { attempts: 3, delay: 0 } as const;

describe("what is sent again", () => {
  const IDEMPOTENT = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "QUERY"];

  test.each(IDEMPOTENT)("%s is, after each status that is worth it", async (method) => {
    await using server = await serve((_, response, count) => {
      response.writeHead([408, 429, 500, 502, 503, 504][count - 1] ?? 200).end();
    });
    const api = resilientFetch({ retry: { ...retry, attempts: 10 } });
    const response = await api(server.url, { method });
    expect([response.status, server.requests.length]).toEqual([200, 7]);
    await response.body?.cancel();
  });

  test.each([
    ["POST", 503, 1],
    ["PATCH", 500, 1],
    ["POST", 408, 1],
    ["POST", 429, 2],
  ])("%s after a %i: %i requests", async (method, status, sent) => {
    await using server = await serve((_, response, count) => {
      response.writeHead(count === 1 ? status : 200).end("text");
    });
    const response = await resilientFetch({ retry })(server.url, { method, body: "{}" });
    expect(server.requests).toHaveLength(sent);
    expect(response.status).toBe(sent === 1 ? status : 200);
    expect(await response.text()).toBe("text");
  });

  test("a POST with an Idempotency-Key is, as are methods that are named", async () => {
    await using server = await serve((_, response, count) => response.writeHead(count % 2 ? 503 : 200).end());
    const keyed = await resilientFetch({ retry })(server.url, {
      method: "POST",
      headers: { "Idempotency-Key": "a" },
    });
    const named = await resilientFetch({ retry, retryMethods: ["post"] })(server.url, { method: "POST" });
    expect([keyed.status, named.status, server.requests.length]).toEqual([200, 200, 4]);
  });

  test("a status that is not listed is not, and one that is listed is", async () => {
    await using server = await serve((request, response, count) => {
      response.writeHead(request.url === "/501" ? 501 : count === 2 ? 404 : 200).end();
    });
    const api = resilientFetch({ retry, retryStatuses: [404] });
    expect((await api(`${server.url}/501`)).status).toBe(501);
    expect((await api(server.url)).status).toBe(200);
    expect(server.requests).toHaveLength(3);
  });

  const bodies: readonly (readonly [string, () => NonNullable<RequestInit["body"]>])[] = [
    ["text", () => "a=1"],
    ["bytes", () => new TextEncoder().encode("a=1")],
    ["a buffer", () => new TextEncoder().encode("a=1").buffer],
    ["a Blob", () => new Blob(["a=1"])],
    ["URLSearchParams", () => new URLSearchParams({ a: "1" })],
  ];

  test.each(bodies)("a body of %s is whole each time", async (_, body) => {
    const got: string[] = [];
    await using server = await serve(async (request, response, count) => {
      got.push(await bodyOf(request));
      response.writeHead(count < 3 ? 503 : 200).end();
    });
    await resilientFetch({ retry })(server.url, { method: "PUT", body: body() });
    await resilientFetch({ retry })(new Request(server.url, { method: "PUT", body: body() }));
    expect(got).toEqual(["a=1", "a=1", "a=1", "a=1"]);
  });

  test("a form is whole each time", async () => {
    const got: string[] = [];
    await using server = await serve(async (request, response, count) => {
      got.push(await bodyOf(request));
      response.writeHead(count < 2 ? 503 : 200).end();
    });
    const body = new FormData();
    body.set("a", "one");
    await resilientFetch({ retry })(server.url, { method: "PUT", body });
    expect(got.map((text) => text.includes("one"))).toEqual([true, true]);
  });

  test.each([429, 503])("a stream is never sent again, also after a %i", async (status) => {
    await using server = await serve((request, response) => {
      request.resume().once("end", () => response.writeHead(status).end());
    });
    const stream = new Blob(["abc"]).stream();
    const init = { method: "PUT", body: stream, duplex: "half" } as RequestInit;
    const response = await resilientFetch({ retry })(server.url, init);
    expect([response.status, server.requests.length]).toEqual([status, 1]);
  });

  test("a Request is used afterwards, as by fetch, and its own signal counts", async () => {
    await using server = await serve((request, response) => {
      if (request.url === "/hang") return;
      request.resume().once("end", () => response.end());
    });
    const request = new Request(server.url, { method: "PUT", body: "a" });
    await resilientFetch({ retry })(request);
    expect(request.bodyUsed).toBe(true);
    const controller = new AbortController();
    const hanging = new Request(`${server.url}/hang`, { signal: controller.signal });
    const call = reasonOf(resilientFetch({ retry, timeout: "10s" })(hanging));
    await until(() => server.requests.length === 2);
    const mine = new Error("mine");
    controller.abort(mine);
    // As fetch says it: undici gives the reason, or an AbortError.
    expect(await call).toBeInstanceOf(Error);
  });

  test("retryIf has a say, but sends no POST again", async () => {
    await using server = await serve((_, response) => response.writeHead(418).end());
    let asked = 0;
    const retryIf = (): boolean => {
      asked++;
      return true;
    };
    const api = resilientFetch({ retry: { ...retry, retryIf }, retryStatuses: [418, 503] });
    await api(server.url);
    expect([server.requests.length, asked]).toEqual([3, 3]);
    await api(server.url, { method: "POST" });
    expect(server.requests).toHaveLength(4);
  });

  test.each([{}, { totalTimeout: "1m" }])(
    "a status that ends a hedge is, whatever became of its other request: %j",
    async (options) => {
      const clock = new ManualClock();
      let sent = 0;
      const fetch = (_url: unknown, init?: RequestInit): Promise<Response> => {
        sent++;
        if (sent > 1) return Promise.resolve(new Response("", { status: sent === 2 ? 503 : 200 }));
        return new Promise((_resolve, reject) => {
          init?.signal?.addEventListener("abort", () => reject(init.signal?.reason as Error));
        });
      };
      const hedge = { delay: "1s", hedgeIf: () => false } as const;
      const call = resilientFetch({ ...options, clock, fetch, hedge, retry })("http://api.example/");
      await clock.advance("1s");
      expect([(await call).status, sent]).toEqual([200, 3]);
    },
  );

  test("a hedge sends no POST beside another", async () => {
    await using server = await serve((request, response) => {
      setTimeout(() => response.end("ok"), request.method === "POST" ? 60 : 0);
    });
    const api = resilientFetch({ hedge: { delay: "10ms" } });
    expect(await (await api(server.url, { method: "POST" })).text()).toBe("ok");
    expect(server.requests).toHaveLength(1);
  });
});

describe("how a call ends", () => {
  test("with the last response, and the others let go of their connections", async () => {
    await using server = await serve((_, response, count) => {
      response.writeHead(503);
      response.write("x".repeat(100_000));
      if (count === 3) response.end("end");
    });
    const response = await resilientFetch({ retry })(server.url);
    expect(response.status).toBe(503);
    expect((await response.text()).slice(-3)).toBe("end");
    await until(() => server.open === 0);
  });

  test.each([{}, { timeout: "5s" }, { totalTimeout: "5s" }] as const)(
    "with the last response, and the bodies of the others are cancelled: %j",
    async (options) => {
      const cancelled: number[] = [];
      let count = 0;
      const fetch = async (): Promise<Response> => {
        const sent = ++count;
        const body = new ReadableStream({ cancel: () => void cancelled.push(sent) });
        return new Response(body, { status: sent < 3 ? 503 : 200 });
      };
      const api = resilientFetch({ retry, fetch, ...options });
      const response = await api("http://a.example", { signal: new AbortController().signal });
      expect([response.status, response.bodyUsed, cancelled]).toEqual([200, false, [1, 2]]);
      await response.body?.cancel();
    },
  );

  test("with the last error", async () => {
    await using server = await serve((request) => request.socket.destroy());
    const error = await reasonOf(resilientFetch({ retry })(server.url));
    expect(error).toBeInstanceOf(TypeError);
    expect(server.requests).toHaveLength(3);
  });

  test("with what a fallback gives, and the response lets go of its connection", async () => {
    await using server = await serve((_, response) => {
      response.writeHead(500);
      response.write("x".repeat(100_000));
    });
    const seen: unknown[] = [];
    const api = resilientFetch({
      fallback: {
        to: (outcome) => {
          if (outcome.status === "rejected") seen.push(outcome.reason);
          return "instead";
        },
      },
    });
    expect(await api(server.url)).toBe("instead");
    const [error] = seen;
    expect(error).toBeInstanceOf(HttpStatusError);
    expect(error).toMatchObject({ status: 500, refused: false, code: "ERR_HTTP_STATUS" });
    expect(JSON.stringify(error)).not.toContain("response");
    await until(() => server.open === 0);
  });

  test("with a rejection for arguments that are none", async () => {
    const api = resilientFetch({ retry });
    const wrong = { method: "POST", headers: [["a"]] } as never;
    expect(await reasonOf(api("http://a.example", wrong))).toBeInstanceOf(TypeError);
    expect(await reasonOf(api(null as never))).toBeInstanceOf(TypeError);
    expect(await reasonOf(api("http://a.example", { signal: 1 as never }))).toBeInstanceOf(TypeError);
  });

  test("with what fetch says of a URL that leads to no server", async () => {
    const api = resilientFetch({ retry });
    expect(await (await api("data:text/plain,hello")).text()).toBe("hello");
    expect(await reasonOf(api("/relative"))).toBeInstanceOf(TypeError);
    expect(api.stats()).toEqual({});
  });

  test("with the caller's reason, whatever it is, and no listener is left", async () => {
    await using server = await serve((_, response) => {
      response.writeHead(200);
      response.write("begun");
    });
    for (const options of [{}, { retry }, { timeout: "10s" }, { totalTimeout: "10s" }] as const) {
      const controller = new AbortController();
      const response = await resilientFetch(options)(server.url, { signal: controller.signal });
      const reading = reasonOf(response.text());
      const mine = new Error("mine");
      controller.abort(mine);
      expect(await reading).toBe(mine);
      expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
    }
    await until(() => server.open === 0);
  });
});

test("a signal that lives on keeps no response that nobody reads", async () => {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  const { signal } = new AbortController();
  const api = resilientFetch({ timeout: "10s", fetch: async () => new Response(new ReadableStream()) });
  const unread = async (): Promise<WeakRef<Response>> =>
    new WeakRef(await api("http://a.example", { signal }));
  const responses = [await unread(), await unread()];
  await new Promise((resolve) => setImmediate(resolve));
  gc();
  expect(responses.map((response) => response.deref())).toEqual([undefined, undefined]);
});

describe("time", () => {
  test("an attempt that takes too long is repeated, if it may be", async () => {
    await using server = await serve((_, response, count) => {
      if (count > 1) response.end("ok");
    });
    const clock = new ManualClock();
    const api = resilientFetch({ retry, timeout: "5s", clock });
    const call = api(server.url);
    await until(() => server.requests.length === 1);
    await clock.advance("5s");
    expect(await (await call).text()).toBe("ok");
    await using other = await serve(() => {});
    const error = reasonOf(api(other.url, { method: "POST", body: "a" }));
    await until(() => other.requests.length === 1);
    await clock.advance("5s");
    expect(await error).toBeInstanceOf(TimeoutExceededError);
    expect(other.requests).toHaveLength(1);
    await until(() => server.open === 0 && other.open === 0);
  });

  test.each(["text", "json", "arrayBuffer", "body"] as const)(
    "totalTimeout covers reading by %s: a body that stalls ends with its error",
    async (how) => {
      await using server = await serve((_, response) => {
        response.writeHead(200);
        response.write("[1,");
      });
      const clock = new ManualClock();
      const api = resilientFetch({ totalTimeout: "5s", retry, timeout: "4s", clock });
      const response = await api(server.url);
      const read = async (): Promise<unknown> => {
        if (how !== "body") return await response[how]();
        for await (const _ of response.body ?? []);
        return undefined;
      };
      const reading = reasonOf(read());
      await clock.advance("5s");
      expect(await reading).toBeInstanceOf(TimeoutExceededError);
      expect(server.requests).toHaveLength(1);
      await until(() => server.open === 0);
    },
  );

  test("also of a response with a status that is an error", async () => {
    await using server = await serve((_, response) => {
      response.writeHead(500);
      response.write("begun");
    });
    const clock = new ManualClock();
    const response = await resilientFetch({ totalTimeout: "5s", clock })(server.url);
    expect(response.status).toBe(500);
    const reading = reasonOf(response.text());
    await clock.advance("5s");
    expect(await reading).toBeInstanceOf(TimeoutExceededError);
  });

  test("a body that is read in time is as it was, and its call is over", async () => {
    await using server = await serve((_, response) => response.end("whole"));
    const api = resilientFetch({ totalTimeout: "10s" });
    const response = await api(server.url);
    const settled = (): unknown => api.stats()[server.url]?.parts["totalTimeout"];
    expect(settled()).toMatchObject({ settledCalls: 0 });
    expect([response.url, response.redirected]).toEqual([`${server.url}/`, false]);
    expect(await response.text()).toBe("whole");
    await until(() => (settled() as { settledCalls: number }).settledCalls === 1);
  });
});

describe("the circuit breaker", () => {
  test("counts 5xx and lost connections, no other status", async () => {
    await using server = await serve((request, response) => {
      const status = Number(request.url?.slice(1));
      if (status === 0) request.socket.destroy();
      else response.writeHead(status).end();
    });
    const api = resilientFetch({ circuitBreaker: { maxFailures: 100 }, obey: false });
    for (const status of [200, 404, 400, 408, 425, 429, 500, 503])
      await (await api(`${server.url}/${status}`)).text();
    await reasonOf(api(`${server.url}/0`));
    expect(api.stats()[server.url]?.parts["circuitBreaker"]).toMatchObject({
      successfulCalls: 3,
      failedCalls: 3,
      ignoredCalls: 3,
    });
  });

  test("is of one origin, or an instance of all", async () => {
    await using bad = await serve((_, response) => response.writeHead(500).end());
    await using good = await serve((_, response) => response.end());
    const own = resilientFetch({ circuitBreaker: { maxFailures: 1 } });
    await own(bad.url);
    expect(await reasonOf(own(bad.url))).toMatchObject({ code: "ERR_CIRCUIT_OPEN" });
    expect((await own(good.url)).status).toBe(200);
    expect([own.stats()[bad.url]?.circuit, own.stats()[good.url]?.circuit]).toEqual(["open", "closed"]);
    const shared = resilientFetch({ circuitBreaker: new CircuitBreaker({ maxFailures: 1 }) });
    await shared(bad.url);
    expect(await reasonOf(shared(good.url))).toMatchObject({ code: "ERR_CIRCUIT_OPEN" });
    const together = resilientFetch({ circuitBreaker: { maxFailures: 1 }, perHost: false });
    await together(bad.url);
    expect(await reasonOf(together(good.url))).toMatchObject({ code: "ERR_CIRCUIT_OPEN" });
  });
});

describe("options", () => {
  test.each([
    [{ nome: "a" }, 'unknown option "nome"|nome'],
    [{ name: "" }, "name"],
    [{ perHost: 1 }, "perHost"],
    [{ maxHosts: 0 }, "maxHosts"],
    [{ maxHosts: Number.NaN }, "maxHosts"],
    [{ maxHosts: Infinity }, "maxHosts"],
    [{ retryMethods: "GET" }, "retryMethods"],
    [{ retryMethods: ["G T"] }, "retryMethods"],
    [{ retryStatuses: [200] }, "retryStatuses"],
    [{ retryStatuses: [null] }, "retryStatuses"],
    [{ obey: "yes" }, "obey"],
    [{ fetch: {} }, "fetch"],
    [{ timeout: -1 }, "timeout"],
    [{ retry: { attempts: 0 } }, "attempts"],
    [{ retry: new Retry() }, "retry of resilientFetch must be options"],
    [null, "options of resilientFetch"],
  ])("%j is refused at once", (options, message) => {
    expect(() => resilientFetch(options as object)).toThrow(new RegExp(message));
  });

  test("no option at all is fetch", async () => {
    await using server = await serve((_, response) => response.end("ok"));
    for (const api of [resilientFetch(), resilientFetch({ obey: false })])
      expect(await (await api(new URL(server.url))).text()).toBe("ok");
  });
});
