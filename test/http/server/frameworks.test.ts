import { once } from "node:events";
import http from "node:http";
import net, { type AddressInfo } from "node:net";
import { serve as serveHono } from "@hono/node-server";
import fastify from "fastify";
import { Hono } from "hono";
import { afterEach, describe, expect, test } from "vitest";
import { rateLimit as plugin } from "../../../src/fastify/index.js";
import { rateLimit as middleware } from "../../../src/hono/index.js";
import { limitRequest } from "../../../src/http/index.js";
import { KeyedRateLimiter } from "../../../src/rate-limiter/keyed-rate-limiter.js";
import { ManualClock } from "../../../src/testing/manual-clock.js";
import { until } from "../client/servers.js";

const twice = { name: "hourly", rate: 2, per: "1h" } as const;
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function answers(url: string, count: number, headers: Record<string, string> = {}): Promise<unknown[]> {
  const found: unknown[] = [];
  for (let at = 0; at < count; at++) {
    const response = await fetch(url, { headers });
    found.push([response.status, response.headers.get("ratelimit"), response.headers.get("content-type")]);
    await response.text();
  }
  return found;
}

const EXPECTED = [
  [200, '"hourly";r=1;t=1800', "text/plain"],
  [200, '"hourly";r=0;t=3600', "text/plain"],
  [429, '"hourly";r=0;t=1800', "application/problem+json"],
];
const plain = (found: unknown[]): unknown[] =>
  (found as [number, string, string][]).map(([status, field, type]) => [status, field, type.split(";")[0]]);

describe("the Fastify plugin", () => {
  async function app(
    options: Parameters<typeof plugin>[1],
    prepare?: (server: ReturnType<typeof fastify>) => void,
  ) {
    const server = fastify();
    prepare?.(server);
    await server.register(plugin, options);
    server.get("/", async () => "hello");
    server.post("/", async () => "posted");
    server.get("/broken", async () => {
      throw new Error("handler");
    });
    closing.push(() => server.close());
    return server.listen({ port: 0, host: "127.0.0.1" });
  }

  test.each(["limits", "limiter"])("admits and refuses by %s", async (by) => {
    const clock = new ManualClock();
    const { name, rate, per } = twice;
    const limiter = new KeyedRateLimiter({ name, rate, per, clock });
    const url = await app(by === "limits" ? { limits: [twice], clock } : { limiter, clock });
    expect(plain(await answers(url, 3))).toEqual(EXPECTED);
    const broken = await fetch(`${url}/broken`);
    expect(broken.status).toBe(429);
  });

  test("passes what callbacks throw to the error handler, and what handlers throw too", async () => {
    const url = await app({ limits: [twice], key: () => 7 as unknown as string });
    const response = await fetch(url);
    expect([response.status, await response.json()]).toEqual([
      500,
      expect.objectContaining({ message: "what key returns must be a string; got 7." }),
    ]);
    const other = await app({ limits: [twice] });
    expect((await fetch(`${other}/broken`)).status).toBe(500);
  });

  test("settles when the response has ended", async () => {
    const limiter = new KeyedRateLimiter({ rate: 10, per: "1h", clock: new ManualClock() });
    const url = await app({ limiter, cost: () => 5, settle: () => 1, key: () => "all" });
    await answers(url, 1);
    await until(() => limiter.tokens("all") > 5);
    expect(limiter.tokens("all")).toBe(9);
  });

  test("does not read a long body that it refuses, and keeps what other plugins have set", async () => {
    const url = await app({ limits: [{ rate: 1, per: "1h" }] }, (server) => {
      server.addHook(
        "onRequest",
        async (_request: unknown, reply: { header(name: string, value: string): unknown }) =>
          void reply.header("x-other", "kept"),
      );
    });
    await answers(url, 1);
    const { port, hostname } = new URL(url);
    const socket = net.connect(Number(port), hostname);
    socket.on("error", () => {});
    let answer = "";
    socket.on("data", (data) => (answer += String(data)));
    socket.write(
      "POST / HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: 1000000000\r\n\r\n",
    );
    await new Promise((resolve) => socket.once("close", resolve));
    expect(answer).toMatch(/^HTTP\/1.1 429 .*x-other: kept.*connection: close.*quota-exceeded/is);
  });

  test("rejects wrong options at register", async () => {
    const server = fastify();
    closing.push(() => server.close());
    // oxlint-disable-next-line typescript/await-thenable -- its `then` starts it
    await expect((async () => server.register(plugin, { limits: [] }))()).rejects.toThrow(
      /list of 1 to 16 limits/,
    );
  });
});

describe("the Hono middleware", () => {
  async function app(options: Parameters<typeof middleware>[0]): Promise<string> {
    const hono = new Hono();
    hono.use(middleware(options));
    hono.get("/", (context) => context.text("hello"));
    hono.get("/raw", () => new Response("raw"));
    hono.get("/broken", () => {
      throw new Error("handler");
    });
    hono.onError((error, context) => context.text(error.message, 500));
    const server = serveHono({ fetch: hono.fetch, port: 0, hostname: "127.0.0.1" }) as http.Server;
    if (!server.listening) await once(server, "listening");
    closing.push(async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  test.each(["limits", "limiter"])("admits and refuses by %s", async (by) => {
    const clock = new ManualClock();
    const { name, rate, per } = twice;
    const limiter = new KeyedRateLimiter({ name, rate, per, clock });
    const url = await app(by === "limits" ? { limits: [twice], clock } : { limiter, clock });
    expect(plain(await answers(url, 3))).toEqual(EXPECTED);
  });

  test("tells its fields on responses of every kind, and leaves errors to Hono", async () => {
    const url = await app({ limits: [twice], clock: new ManualClock() });
    const raw = await fetch(`${url}/raw`);
    expect([await raw.text(), raw.headers.get("ratelimit")]).toEqual(["raw", '"hourly";r=1;t=1800']);
    const broken = await fetch(`${url}/broken`);
    expect([broken.status, await broken.text(), broken.headers.get("ratelimit")]).toEqual([
      500,
      "handler",
      '"hourly";r=0;t=3600',
    ]);
    const keyed = await app({ limits: [twice], key: () => Promise.reject(new Error("no session")) });
    expect(await (await fetch(keyed)).text()).toBe("no session");
  });

  test("settles when the response has ended, also a stream, with node:http and without", async () => {
    const limiter = new KeyedRateLimiter({ rate: 10, per: "1h", clock: new ManualClock() });
    const url = await app({ limiter, cost: () => 5, settle: () => 2, key: () => "all" });
    await answers(url, 1);
    await until(() => limiter.tokens("all") > 5);
    expect(limiter.tokens("all")).toBe(8);

    const other = new KeyedRateLimiter({ rate: 100, per: "1h", clock: new ManualClock() });
    let used = 0;
    const hono = new Hono();
    hono.use(middleware({ limiter: other, cost: () => 50, settle: () => used, key: () => "all" }));
    hono.get("/", () => {
      const pull = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
        if (++used > 3) controller.close();
        else controller.enqueue(new TextEncoder().encode("token "));
      };
      return new Response(new ReadableStream({ pull }));
    });
    const response = await hono.request("/");
    expect([response.headers.get("ratelimit"), other.tokens("all")]).toEqual([
      '"keyed-rate-limiter";r=1;t=1800',
      50,
    ]);
    expect(await response.text()).toBe("token token token ");
    expect(other.tokens("all")).toBe(96);
  });

  test("leaves a response alone that leaves HTTP", async () => {
    const upgraded = Object.assign(new Response(null), { upgraded: true });
    Object.defineProperty(upgraded, "status", { value: 101 });
    const hono = new Hono();
    hono.use(middleware({ limits: [twice] }));
    hono.get("/", () => upgraded);
    expect(await hono.request("/")).toBe(upgraded);
  });

  test("does not read a long body that it refuses, and keeps what other middlewares have set", async () => {
    const hono = new Hono();
    hono.use(async (context, next) => {
      context.header("x-other", "kept");
      context.header("set-cookie", "a=1");
      context.header("set-cookie", "b=2", { append: true });
      await next();
    });
    hono.use(middleware({ limits: [twice], cost: () => 3 }));
    hono.post("/", (context) => context.text("posted"));
    const server = serveHono({ fetch: hono.fetch, port: 0, hostname: "127.0.0.1" }) as http.Server;
    if (!server.listening) await once(server, "listening");
    closing.push(async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    });
    const socket = net.connect((server.address() as AddressInfo).port, "127.0.0.1");
    socket.on("error", () => {});
    let answer = "";
    socket.on("data", (data) => (answer += String(data)));
    socket.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\n");
    const chunk = Buffer.alloc(65_536);
    const pump = (): void => {
      while (socket.writable && socket.write(chunk));
    };
    socket.on("drain", pump);
    pump();
    await new Promise((resolve) => socket.once("close", resolve));
    expect(answer).toMatch(/^HTTP\/1.1 429 .*connection: close.*quota-exceeded/is);
    expect(answer).toMatch(/x-other: kept/i);
    expect(answer.match(/set-cookie: (?:a=1|b=2)\r\n/gi)).toHaveLength(2);
    expect(socket.bytesWritten).toBeLessThan(20_000_000);
  });

  test.each([
    ["Deno", (hostname: string) => ({ remoteAddr: { transport: "tcp", hostname, port: 1 } })],
    ["Bun", (address: string) => ({ requestIP: () => ({ address, family: "IPv4", port: 1 }) })],
    [
      "Bun with more in the environment",
      (address: string) => ({ server: { requestIP: () => ({ address, family: "IPv4", port: 1 }) } }),
    ],
  ])("finds the address that %s tells", async (_runtime, environment) => {
    const hono = new Hono();
    hono.use(middleware({ limits: [{ rate: 1, per: "1h" }] }));
    hono.get("/", (context) => context.text("hello"));
    const from = async (address: string): Promise<number> =>
      (await hono.request("/", {}, environment(address))).status;
    expect([await from("192.0.2.1"), await from("192.0.2.1"), await from("192.0.2.2")]).toEqual([
      200, 429, 200,
    ]);
  });

  test("finds the address of other runtimes by a function", async () => {
    const hono = new Hono();
    hono.use(middleware({ limits: [{ rate: 1, per: "1h" }], address: ({ req }) => req.header("x-peer") }));
    hono.get("/", (context) => context.text("hello"));
    const from = async (peer: string): Promise<number> =>
      (await hono.request("/", { headers: { "x-peer": peer } })).status;
    expect([await from("192.0.2.1"), await from("192.0.2.1"), await from("192.0.2.2")]).toEqual([
      200, 429, 200,
    ]);
  });
});

describe("limitRequest", () => {
  test("limits web-standard requests by the address it is told, behind proxies by their field", async () => {
    const limit = limitRequest({ limits: [{ rate: 1, per: "1h" }], trustProxy: 1, proxyHeader: "forwarded" });
    const from = async (client: string): Promise<number | undefined> => {
      const request = new Request("http://localhost/", { headers: { forwarded: `for=${client}` } });
      return (await limit(request, { address: "192.0.2.1" })).refused?.status;
    };
    expect([await from("203.0.113.1"), await from("203.0.113.1"), await from("203.0.113.2")]).toEqual([
      undefined,
      429,
      undefined,
    ]);
  });

  test("rejects with what a callback throws", async () => {
    const limit = limitRequest({
      limits: [twice],
      cost() {
        throw new Error("cost");
      },
    });
    await expect(limit(new Request("http://localhost/"))).rejects.toThrow("cost");
  });
});
