import { once } from "node:events";
import http from "node:http";
import net, { type AddressInfo } from "node:net";
import { createRequire } from "node:module";
import express from "express";
import { parseList } from "structured-headers";
import { afterEach, describe, expect, test, vi } from "vitest";
import { rateLimit, type RateLimitOptions } from "../../../src/http/index.js";
import { KeyedRateLimiter } from "../../../src/rate-limiter/keyed-rate-limiter.js";
import { RateLimiter } from "../../../src/rate-limiter/rate-limiter.js";
import { ManualClock } from "../../../src/testing/manual-clock.js";
import { serve, type Server, until } from "../client/servers.js";

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each[Symbol.asyncDispose]();
});

type Options = RateLimitOptions<http.IncomingMessage>;

/** A server of `node:http` behind the middleware. */
async function limited(options: Options): Promise<Server> {
  const limit = rateLimit<http.IncomingMessage>(options);
  const server = await serve(async (request, response) => {
    try {
      if (await limit(request, response)) response.end("hello");
    } catch (error) {
      response.statusCode = 500;
      response.end(String(error));
    }
  });
  open.push(server);
  return server;
}

async function statuses(url: string, count: number, init?: RequestInit): Promise<number[]> {
  const found: number[] = [];
  for (let at = 0; at < count; at++) {
    const response = await fetch(url, init);
    await response.text();
    found.push(response.status);
  }
  return found;
}

const twice = { rate: 2, per: "1h" } as const;

describe("rateLimit under node:http", () => {
  test("admits what the limit allows, then answers with 429, problem details and when to come back", async () => {
    const { url } = await limited({ limits: [{ ...twice, name: "hourly" }], clock: new ManualClock() });
    expect(await statuses(url, 2)).toEqual([200, 200]);
    const refused = await fetch(url);
    expect(refused.status).toBe(429);
    expect(refused.headers.get("content-type")).toBe("application/problem+json");
    expect(refused.headers.get("retry-after")).toBe("1800");
    expect(await refused.json()).toEqual({
      type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
      title: "Request cannot be satisfied as assigned quota has been exceeded",
      status: 429,
      "violated-policies": ["hourly"],
    });
  });

  test("takes from none of several limits what one refuses, and names that one", async () => {
    const clock = new ManualClock();
    const { url } = await limited({
      clock,
      limits: [
        { name: "burst", rate: 1, per: 1 },
        { name: "hour", rate: 3, per: "1h" },
      ],
    });
    expect(await statuses(url, 3)).toEqual([200, 429, 429]);
    await clock.advance(1);
    const response = await fetch(url);
    expect(response.headers.get("ratelimit")).toMatch(/"hour";r=1;/);
    const refused = await fetch(url);
    expect(await refused.json()).toMatchObject({ "violated-policies": ["burst"] });
    expect(refused.headers.get("ratelimit")).toBe('"burst";r=0;t=1');
  });

  test("has a bucket for each client by key, and by address whatever the client says", async () => {
    const byKey = await limited({ limits: [twice], key: (request) => String(request.headers["x-key"]) });
    expect(await statuses(byKey.url, 3, { headers: { "x-key": "one" } })).toEqual([200, 200, 429]);
    expect(await statuses(byKey.url, 1, { headers: { "x-key": "two" } })).toEqual([200]);

    const byAddress = await limited({ limits: [twice] });
    const said: number[] = [];
    for (let at = 0; at < 4; at++) {
      const headers = { "x-forwarded-for": `203.0.113.${at}`, forwarded: `for=203.0.113.${at}` };
      said.push(...(await statuses(byAddress.url, 1, { headers })));
    }
    expect(said).toEqual([200, 200, 429, 429]);

    const behind = await limited({ limits: [twice], trustProxy: 1 });
    const forged = (at: number) => ({ headers: { "x-forwarded-for": `203.0.113.${at}, 198.51.100.7` } });
    const behindOne: number[] = [];
    for (let at = 0; at < 3; at++) behindOne.push(...(await statuses(behind.url, 1, forged(at))));
    expect(behindOne).toEqual([200, 200, 429]);
    // The field that the proxy does not write is not read.
    const other = { headers: { "x-forwarded-for": "198.51.100.7", forwarded: "for=203.0.113.77" } };
    expect(await statuses(behind.url, 1, other)).toEqual([429]);
  });

  test("has one bucket for all connections of an address, and another when that of a connection changes", () => {
    const limit = rateLimit<http.IncomingMessage>({ limits: [twice], clock: new ManualClock() });
    const admits = (socket: net.Socket): boolean => {
      const request = new http.IncomingMessage(socket);
      const response = new http.ServerResponse(request);
      let isAdmitted = false;
      limit(request, response, () => (isAdmitted = true));
      expect(response.statusCode).toBe(isAdmitted ? 200 : 429);
      return isAdmitted;
    };
    const connection = (remoteAddress: string): net.Socket =>
      Object.assign(new net.Socket(), { _peername: { address: remoteAddress } });
    const one = connection("2001:db8::1");
    const other = connection("2001:db8::2");
    expect([one, other, one, other].map(admits)).toEqual([true, true, false, false]);
    Object.assign(one, { _peername: { address: "2001:db8:0:1::1" } });
    expect([one, one, one, other].map(admits)).toEqual([true, true, false, false]);
    // Also when what is left of the bucket of before would do.
    const moved = connection("2001:db8:0:2::1");
    expect(admits(moved)).toBe(true);
    Object.assign(moved, { _peername: { address: "2001:db8:0:3::1" } });
    expect([moved, moved, moved].map(admits)).toEqual([true, true, false]);
    expect([connection("192.0.2.1"), connection("::ffff:192.0.2.1")].map(admits)).toEqual([true, true]);
    expect(admits(connection("192.0.2.1"))).toBe(false);
  });

  test("limits by the address of a connection to which nothing can be added", () => {
    const limit = rateLimit<http.IncomingMessage>({ limits: [twice], clock: new ManualClock() });
    const frozen = Object.freeze({ remoteAddress: "192.0.2.1" });
    const admitted = [1, 2, 3].map(() => {
      const request = Object.assign(new http.IncomingMessage(new net.Socket()), { socket: frozen });
      const next = vi.fn<() => void>();
      limit(request, new http.ServerResponse(request), next);
      return next.mock.calls;
    });
    expect(admitted).toEqual([[[]], [[]], []]);
  });

  test.each([
    ["is warned of", {}, 1],
    ["is no surprise with trustProxy", { trustProxy: 1 }, 0],
    ["is no surprise with a key", { key: () => "all" }, 0],
    ["is no surprise where nobody is trusted by a function", { trustProxy: () => false }, 0],
  ])("a proxy in front %s, once", (_, options, count) => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const limit = rateLimit<http.IncomingMessage>({ limits: [twice], ...options });
    for (const field of [undefined, "x-forwarded-for", "forwarded"]) {
      const request = new http.IncomingMessage(new net.Socket());
      if (field !== undefined) request.headers[field] = "for=192.0.2.1";
      limit(request, new http.ServerResponse(request), () => {});
    }
    const codes = warned.mock.calls.map(([, how]) => (how as { readonly code?: string }).code);
    warned.mockRestore();
    expect(codes).toEqual(Array.from({ length: count }, () => "KSTLIB_PROXY_NOT_TRUSTED"));
  });

  test("takes the cost, skips what need not be limited, and refuses for ever what costs too much", async () => {
    const cost = (request: http.IncomingMessage): number => Number(request.headers["x-cost"]);
    const { url } = await limited({
      limits: [{ rate: 10, per: "1h" }],
      cost,
      skip: async (request) => request.url === "/health",
      clock: new ManualClock(),
    });
    const first = await fetch(url, { headers: { "x-cost": "4" } });
    expect(first.headers.get("ratelimit")).toBe('"default";r=1;t=1440');
    expect(first.headers.get("ratelimit-policy")).toBe('"default";q=2;w=3600');
    expect(await statuses(url, 2, { headers: { "x-cost": "4" } })).toEqual([200, 429]);
    expect(await statuses(url, 1, { headers: { "x-cost": "0" } })).toEqual([200]);
    const health = await fetch(`${url}/health`);
    expect([health.status, health.headers.get("ratelimit")]).toEqual([200, null]);
    const never = await fetch(url, { headers: { "x-cost": "11" } });
    expect([never.status, never.headers.get("retry-after")]).toEqual([429, null]);
    const wrong = await fetch(url, { headers: { "x-cost": "-1" } });
    expect([wrong.status, await wrong.text()]).toEqual([
      500,
      expect.stringMatching(/what cost returns must be .* got -1/),
    ]);
  });

  test("settles what a request has really taken", async () => {
    const settle = vi.fn<(request: { readonly url?: string | undefined }) => number>((request) =>
      Number(request.url?.slice(1)),
    );
    const limiter = new KeyedRateLimiter({ rate: 100, per: "1h", clock: new ManualClock() });
    for (const options of [
      { limiter },
      { limits: [{ rate: 100, per: "1h" }], clock: new ManualClock() },
    ] as const) {
      settle.mockClear();
      const { url } = await limited({ ...options, cost: () => 50, settle });
      await statuses(`${url}/10`, 1);
      await until(() => settle.mock.calls.length === 1);
      const next = await fetch(`${url}/60`);
      expect(next.status).toBe(200);
      await next.text();
      await until(() => settle.mock.calls.length === 2);
      // 10 and 60 of 100 were taken.
      expect(await statuses(url, 1)).toEqual([429]);
    }
  });

  test.each(["open", "closed"] as const)(
    "fails %s when its limiter fails, and warns once",
    async (onStoreError) => {
      const emitted = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
      const limiter = {
        rate: 1,
        per: 1,
        burst: 1,
        tryAcquire: () => Promise.reject(new Error("no connection")),
        timeUntilToken: () => 0,
      };
      const { url } = await limited({ limiter, onStoreError });
      const response = await fetch(url);
      expect(response.status).toBe(onStoreError === "open" ? 200 : 503);
      expect(response.headers.get("retry-after")).toBe(onStoreError === "open" ? null : "1");
      expect(await response.text()).toContain(
        onStoreError === "open" ? "hello" : "#temporary-reduced-capacity",
      );
      await statuses(url, 2);
      const codes = emitted.mock.calls.map(([, given]) => Reflect.get(given as object, "code") as unknown);
      emitted.mockRestore();
      expect(codes).toEqual(["KSTLIB_RATE_LIMIT_STORE"]);
    },
  );

  test("with a limiter, tells the same as with limits", async () => {
    const clock = new ManualClock();
    const limiter = new KeyedRateLimiter({ name: "default", rate: 2, per: "1h", clock });
    const told: unknown[][] = [];
    for (const options of [{ limiter }, { limits: [twice] }]) {
      const { url } = await limited({ ...options, clock });
      for (let at = 0; at < 3; at++) {
        const { status, headers } = await fetch(url);
        const names = ["ratelimit", "ratelimit-policy", "retry-after"];
        told.push([status, ...names.map((name) => headers.get(name))]);
      }
    }
    expect(told.slice(0, 3)).toEqual(told.slice(3));
    expect(told.slice(0, 3).map(([status]) => status)).toEqual([200, 200, 429]);
  });

  test.each([
    ["draft-7", { ratelimit: "limit=2, remaining=1, reset=1800", "ratelimit-policy": "2;w=3600" }],
    [
      "draft-6",
      {
        "ratelimit-limit": "2",
        "ratelimit-remaining": "1",
        "ratelimit-reset": "1800",
        "ratelimit-policy": "2;w=3600",
      },
    ],
    ["legacy", { "x-ratelimit-limit": "2", "x-ratelimit-remaining": "1", "x-ratelimit-reset": "1001800" }],
    [false, {}],
  ] as const)("writes the fields of %s", async (headers, expected) => {
    const clock = Object.assign(new ManualClock(), { wallNow: () => 1_000_000_000 });
    const { url } = await limited({ limits: [twice], headers, clock });
    const response = await fetch(url);
    const found = [...response.headers].filter(([name]) => name.includes("ratelimit"));
    expect(Object.fromEntries(found)).toEqual(expected);
    const refused = (await statuses(url, 1), await fetch(url));
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "1800"]);
  });

  test("tells a partition only with a secret, and nothing of the key without it", async () => {
    const pkOf = async (secret: string | undefined, key: string): Promise<unknown> => {
      const { url } = await limited({ limits: [twice], key: () => key, pk: secret });
      const { headers } = await fetch(url);
      const [first] = parseList(headers.get("ratelimit") ?? "");
      const pk = first?.[1].get("pk");
      return pk === undefined ? undefined : Buffer.from(pk as ArrayBuffer).toString("hex");
    };
    const secret = "a secret of sixteen or more";
    expect(await pkOf(undefined, "one")).toBeUndefined();
    expect(await pkOf(secret, "one")).toMatch(/^[\da-f]{32}$/);
    expect(await pkOf(secret, "one")).toBe(await pkOf(secret, "one"));
    expect(await pkOf(secret, "two")).not.toBe(await pkOf(secret, "one"));
    expect(await pkOf("another secret of sixteen", "one")).not.toBe(await pkOf(secret, "one"));
  });

  test("reads no long body of a request that it refuses, and the client gets the answer", async () => {
    const limit = rateLimit({ limits: [{ rate: 1, per: "1h" }] });
    let read = 0;
    const server = http.createServer((request, response) => {
      request.socket.once("close", () => (read += request.socket.bytesRead));
      limit(request, response, () => response.end());
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await statuses(`http://127.0.0.1:${port}`, 1);
    const socket = net.connect(port, "127.0.0.1");
    socket.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\n");
    let sent = 0;
    const chunk = Buffer.alloc(65_536);
    const pump = (): void => {
      while (!socket.destroyed && socket.writable && sent < 100_000_000) {
        sent += chunk.length;
        if (!socket.write(chunk)) return;
      }
    };
    socket.on("drain", pump);
    socket.on("error", () => {});
    let answer = "";
    socket.on("data", (data) => (answer += String(data)));
    pump();
    await new Promise((resolve) => socket.once("close", resolve));
    expect(answer).toMatch(/^HTTP\/1.1 429 .*connection: close.*quota-exceeded/is);
    server.closeAllConnections();
    server.close();
    await once(server, "close");
    expect(read).toBeLessThan(5_000_000);
  });

  test("keeps the connection of a request that it refuses with a short body", async () => {
    const limit = rateLimit({ limits: [{ rate: 1, per: "1h" }] });
    const server = http.createServer((request, response) => {
      limit(request, response, () => response.end());
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const connections = new Set<unknown>();
    for (let at = 0; at < 3; at++) {
      const request = http.request(url, { method: "POST", agent });
      request.setHeader("content-length", 5);
      request.end("hello");
      const [response] = (await once(request, "response")) as [http.IncomingMessage];
      expect(response.headers.connection).toBe("keep-alive");
      connections.add(request.socket);
      response.resume();
      await once(response, "end");
      // The agent has the connection back afterwards.
      await until(() => Object.keys(agent.freeSockets).length > 0);
    }
    agent.destroy();
    server.close();
    await once(server, "close");
    expect(connections.size).toBe(1);
  });
});

describe.each([
  ["Express 5", express],
  ["Express 4", createRequire(import.meta.url)("express-4") as typeof express],
])("rateLimit under %s", (_, framework) => {
  async function app(options: Options): Promise<string> {
    const application = framework();
    application.use(rateLimit(options));
    application.get("/", (_request, response) => void response.send("hello"));
    application.get("/broken", () => {
      throw new Error("handler");
    });
    application.use(
      ((error: Error, _request: unknown, response: express.Response, _next: unknown) =>
        void response.status(500).send(error.message)) as express.ErrorRequestHandler,
    );
    const server = application.listen(0, "127.0.0.1");
    await once(server, "listening");
    open.push({
      async [Symbol.asyncDispose]() {
        server.closeAllConnections();
        server.close();
        await once(server, "close");
      },
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  test.each(["limits", "limiter"])("admits and refuses by %s", async (by) => {
    const limits = [{ ...twice, name: "hourly" }];
    const limiter = new KeyedRateLimiter({ rate: 2, per: "1h", name: "hourly" });
    const url = await app(by === "limits" ? { limits } : { limiter });
    expect(await statuses(url, 3)).toEqual([200, 200, 429]);
    expect((await fetch(url)).headers.get("ratelimit")).toMatch(/^"hourly";r=0;t=\d+$/);
  });

  test.each([
    ["key", { key: () => 7 as unknown as string }, /what key returns must be a string; got 7/],
    ["a key that comes later", { key: () => Promise.reject(new Error("no session")) }, /no session/],
    ["cost", { cost: () => Number.NaN }, /what cost returns/],
  ] as const)("passes what goes wrong in %s to the error handler", async (_what, options, message) => {
    const url = await app({ limits: [twice], ...(options as Options) });
    const response = await fetch(url);
    expect([response.status, await response.text()]).toEqual([500, expect.stringMatching(message)]);
  });

  test.each(["limits", "limiter"])("leaves what handlers throw to the framework, by %s", async (by) => {
    const limiter = new KeyedRateLimiter({ rate: 2, per: "1h" });
    const url = await app(by === "limits" ? { limits: [twice] } : { limiter });
    const response = await fetch(`${url}/broken`);
    expect([response.status, await response.text()]).toEqual([500, "handler"]);
  });
});

describe("the options of rateLimit", () => {
  const limits = [twice];
  test.each<[unknown, RegExp]>([
    [{}, /limits or limiter; got neither/],
    [{ limits, limiter: new KeyedRateLimiter() }, /got both/],
    [{ limits: [] }, /list of 1 to 16 limits/],
    [
      { limits: Array.from({ length: 17 }, () => twice) },
      /list of 1 to 16 limits, each with a name of its own; got 17/,
    ],
    [
      { limits: [twice, twice] },
      /name of its own; limits\[0\] and limits\[1\] are both called "default", because they have no name\./,
    ],
    [
      { limits: [twice, { rate: 1, name: "a" }, { rate: 2, name: "a" }] },
      /limits\[1\] and limits\[2\] are both called "a"\./,
    ],
    [
      { limits: [{ rate: 1, name: "default" }, { rate: 2 }] },
      /\[0\] and limits\[1\] are both called "default", because one of them has no name\./,
    ],
    [{ limits: {} }, /limits must be a list/],
    [{ limits: [{ per: 1 }] }, /limits\[0\].rate/],
    [{ limits: [{ rate: 0 }] }, /limits\[0\].rate must be a number above 0; got 0/],
    [{ limits: [{ rate: Number.NaN }] }, /got NaN/],
    [{ limits: [{ rate: Infinity }] }, /got Infinity/],
    [{ limits: [{ rate: 1, burst: 0.5 }] }, /limits\[0\].burst must be a number of at least 1; got 0.5/],
    [{ limits: [{ rate: 1, per: -1 }] }, /limits\[0\].per/],
    [
      { limits: [{ rate: 1, name: "a\r\nset-cookie: x" }] },
      /limits\[0\].name must be 1 to 64 characters of ASCII/,
    ],
    [{ limits: [{ rate: 1, name: "" }] }, /limits\[0\].name/],
    [{ limits: [{ rates: 1 }] }, /rates/],
    [{ limiter: {} }, /keyed rate limiter with tryAcquire/],
    [{ limiter: null }, /got null/],
    [
      { limiter: new RateLimiter() },
      /keyed rate limiter .*; got a rate-limiter, which has one bucket for all. For that use a key that is always the same/,
    ],
    [
      { limits, trustProxy: true },
      /trustProxy must be a whole number from 0 to 100, or a function of an address; got true/,
    ],
    [{ limits, trustProxy: -1 }, /got -1/],
    [{ limits, trustProxy: 1.5 }, /got 1.5/],
    [{ limits, proxyHeader: "x-real-ip" }, /proxyHeader must be one of/],
    [{ limits, headers: "draft-8" }, /headers must be one of/],
    [{ limits, pk: "short" }, /pk must be a secret of at least 16 .*; got 5/],
    [{ limits, pk: 7 }, /pk must be a secret/],
    [{ limits, onStoreError: "shut" }, /onStoreError must be one of/],
    [{ limits, cost: 2 }, /cost must be a function; got 2/],
    [{ limits, maxKeys: 0 }, /maxKeys/],
    [{ limits, key: "ip" }, /key must be a function/],
    [
      { limiter: { rate: 1, per: 1, burst: 1, tryAcquire() {}, timeUntilToken() {} }, settle: () => 1 },
      /limiter with reserve/,
    ],
  ])("%j is an error that says what is allowed", (options, message) => {
    expect(() => rateLimit(options as RateLimitOptions)).toThrow(message);
  });
});
