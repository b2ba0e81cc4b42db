import http from "node:http";
import { createRequire } from "node:module";
import net from "node:net";
import { serve as serveHono } from "@hono/node-server";
import express from "express";
import fastify, { type FastifyRequest } from "fastify";
import { type Context, Hono } from "hono";
import { afterEach, describe, expect, test, vi } from "vitest";
import * as ofFastify from "../../../src/fastify/index.js";
import * as ofHono from "../../../src/hono/index.js";
import {
  type DescribeRefusal,
  limitRequest,
  rateLimit,
  type RefusalFacts,
  shedLoad,
} from "../../../src/http/index.js";
import { Bulkhead } from "../../../src/policies/bulkhead/bulkhead.js";
import { KeyedRateLimiter } from "../../../src/rate-limiter/keyed-rate-limiter.js";
import { ManualClock } from "../../../src/testing/manual-clock.js";
import { listening } from "./listening.js";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const close of closing.splice(0)) await close();
});

const own: DescribeRefusal<unknown> = (_request, { status, policies, retryAfter }) => ({
  contentType: "text/plain; charset=utf-8",
  body: `${status} ${policies.join()} – später, in ${retryAfter} s`,
});

type Describe = (path: string, facts: RefusalFacts) => ReturnType<DescribeRefusal<unknown>>;
type Status = 429 | 503;

/** One that refuses all requests. */
function full() {
  const limiter = new KeyedRateLimiter({ name: "tiny", rate: 1, per: "1h", clock: new ManualClock() });
  limiter.tryAcquire("all", 1);
  const bulkhead = new Bulkhead({ maxConcurrent: 1 });
  void bulkhead.execute(() => new Promise(() => {}));
  return { limited: { limiter, key: () => "all" }, shed: { bulkhead, retryAfter: "7s" } } as const;
}

const EXPECTED = {
  429: { policies: ["tiny"], retryAfter: 3600, status: 429 },
  503: { policies: [], retryAfter: 7, status: 503 },
} as const;

/** Applications whose only route answers "came through", and what fails with 500 and its message. */
type Start = (status: Status, say: Describe) => Promise<string>;

const underExpress =
  (framework: typeof express): Start =>
  (status, say) => {
    const { limited, shed } = full();
    const app = framework();
    const refusal = (request: express.Request, facts: RefusalFacts) => say(request.originalUrl, facts);
    app.use(status === 429 ? rateLimit({ ...limited, refusal }) : shedLoad({ ...shed, refusal }));
    app.all("/", (_request, response) => void response.send("came through"));
    app.use(
      ((error: Error, _request: unknown, response: express.Response, _next: unknown) =>
        void response.status(500).send(error.message)) as express.ErrorRequestHandler,
    );
    return listening(http.createServer(app));
  };

const onNode: [string, Start][] = [
  ["Express 5", underExpress(express)],
  ["Express 4", underExpress(createRequire(import.meta.url)("express-4") as typeof express)],
  [
    "node:http",
    (status, say) => {
      const { limited, shed } = full();
      const refusal = (request: http.IncomingMessage, facts: RefusalFacts) => say(request.url ?? "", facts);
      const admit = status === 429 ? rateLimit({ ...limited, refusal }) : shedLoad({ ...shed, refusal });
      return listening(
        http.createServer((request, response) => {
          admit(request, response).then(
            (mayGoOn) => mayGoOn && response.end("came through"),
            (error: Error) => response.writeHead(500).end(error.message),
          );
        }),
      );
    },
  ],
  [
    "Fastify",
    async (status, say) => {
      const { limited, shed } = full();
      const app = fastify({ forceCloseConnections: true });
      const refusal = (request: FastifyRequest, facts: RefusalFacts) => say(request.url, facts);
      app.setErrorHandler((error: Error, _request, reply) => reply.code(500).send(error.message));
      if (status === 429) await app.register(ofFastify.rateLimit, { ...limited, refusal });
      else await app.register(ofFastify.shedLoad, { ...shed, refusal });
      app.all("/", () => "came through");
      closing.push(() => app.close());
      return app.listen({ port: 0, host: "127.0.0.1" });
    },
  ],
  [
    "Hono",
    async (status, say) => {
      const { limited, shed } = full();
      const app = new Hono();
      const refusal = (context: Context, facts: RefusalFacts) => say(context.req.path, facts);
      app.use(
        status === 429 ? ofHono.rateLimit({ ...limited, refusal }) : ofHono.shedLoad({ ...shed, refusal }),
      );
      app.all("/", (context) => context.text("came through"));
      app.onError((error, context) => context.text(error.message, 500));
      const server = serveHono({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }) as http.Server;
      return listening(server);
    },
  ],
];

const statuses = [429, 503] as const;

describe.each(onNode)("a refusal under %s", (_name, start) => {
  test.each(statuses)(
    "of %d says what the application says, with the fields of every refusal",
    async (status) => {
      const asked: unknown[] = [];
      const url = await start(status, (path, facts) => {
        asked.push([path, facts]);
        return own(path, facts);
      });
      const response = await fetch(url);
      const { policies, retryAfter } = EXPECTED[status];
      expect([response.status, await response.text()]).toEqual([
        status,
        `${status} ${policies.join()} – später, in ${retryAfter} s`,
      ]);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        "content-type": "text/plain; charset=utf-8",
        "cache-control": "no-store",
        "retry-after": `${retryAfter}`,
        ...(status === 429 && { ratelimit: '"tiny";r=0;t=3600' }),
      });
      expect(asked).toEqual([["/", EXPECTED[status]]]);
    },
  );

  test.each(statuses)("of %d may be described later, or not at all", async (status) => {
    const later = await fetch(await start(status, async (path, facts) => own(path, facts)));
    expect([later.status, await later.text()]).toEqual([status, expect.stringContaining("– später")]);
    for (const say of [() => undefined, async () => undefined]) {
      const response = await fetch(await start(status, say));
      expect(response.headers.get("content-type")).toMatch("application/problem+json");
      expect([response.status, await response.json()]).toEqual([status, expect.objectContaining({ status })]);
    }
  });

  const fails: [string, () => unknown, RegExp][] = [
    [
      "throws",
      () => {
        throw new Error("no words");
      },
      /^no words$/,
    ],
    ["rejects", () => Promise.reject(new Error("no words")), /^no words$/],
    ["returns a text", () => "too many", /^what refusal returns must be .* got "too many"\.$/],
    ["returns null", () => null, /^what refusal returns must be .* got null\.$/],
    ["resolves to false", async () => false, /^what refusal returns must be .* got false\.$/],
    ["returns a response", () => new Response("no"), /^what refusal returns must be .* got an object\.$/],
    [
      "leaves the type out",
      () => ({ body: "" }),
      /^contentType of what refusal returns must be a media type/,
    ],
    ["returns an object as body", () => ({ contentType: "a/b", body: {} }), /^body of what refusal returns/],
    [
      "changes the status",
      () => ({ contentType: "a/b", body: "", status: 200 }),
      /a property of what refusal/,
    ],
    [
      "injects a field",
      () => ({ contentType: "text/html\r\nSet-Cookie: a=b", body: "" }),
      /^contentType of .* got "text\/html\\r\\nSet-Cookie: a=b"\.$/,
    ],
  ];
  test.each(fails)("that %s is an error, and lets no request through", async (_how, say, message) => {
    for (const status of statuses) {
      const response = await fetch(await start(status, say as Describe));
      expect([response.status, await response.text()]).toEqual([500, expect.stringMatching(message)]);
      expect(response.headers.get("set-cookie")).toBeNull();
    }
  });

  test("does not read a long body, whoever says what it says", async () => {
    const { hostname, port } = new URL(await start(503, async (path, facts) => own(path, facts)));
    const socket = net.connect(Number(port), hostname);
    socket.on("error", () => {});
    let answer = "";
    socket.setEncoding("utf8").on("data", (data) => (answer += String(data)));
    socket.write(
      "POST / HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: 1000000000\r\n\r\n",
    );
    await new Promise((resolve) => socket.once("close", resolve));
    expect(answer).toMatch(/^HTTP\/1.1 503 .*connection: close.*– später, in 7 s$/is);
  });

  test("has the length of its body in bytes, and none for HEAD", async () => {
    const url = await start(429, () => ({ contentType: "text/plain", body: "später" }));
    const [get, head] = await Promise.all([fetch(url), fetch(url, { method: "HEAD" })]);
    expect([await get.text(), get.headers.get("content-length")]).toEqual(["später", "7"]);
    expect([head.status, await head.text()]).toEqual([429, ""]);
  });
});

describe("a refusal of limitRequest", () => {
  const request = (): Request => new Request("http://localhost/path");
  const { limited } = full();

  test("says what the application says of the request", async () => {
    const limit = limitRequest({
      ...limited,
      refusal: ({ url }, { retryAfter }) => ({
        contentType: "application/json",
        body: JSON.stringify({ url, retryAfter }),
      }),
    });
    const { refused } = await limit(request());
    expect(refused?.headers.get("content-type")).toBe("application/json");
    expect([refused?.status, await refused?.json()]).toEqual([
      429,
      { url: "http://localhost/path", retryAfter: 3600 },
    ]);
  });

  test("tells a limiter that has failed, and a cost that will never be admitted", async () => {
    vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const facts: RefusalFacts[] = [];
    const refusal: DescribeRefusal<Request> = (_request, told) => void facts.push(told);
    const failing = {
      rate: 1,
      per: 1,
      burst: 1,
      tryAcquire: () => Promise.reject(new Error("store")),
      timeUntilToken: () => 0,
    };
    const closed = limitRequest({ limiter: failing, onStoreError: "closed", refusal });
    expect((await closed(request())).refused?.status).toBe(503);
    const dear = limitRequest({ limits: [{ name: "tiny", rate: 1 }], cost: () => 5, refusal });
    expect((await dear(request())).refused?.headers.has("retry-after")).toBe(false);
    expect(facts).toEqual([
      { status: 503, policies: [], retryAfter: 1 },
      { status: 429, policies: ["tiny"], retryAfter: Infinity },
    ]);
  });

  test("is not described for a request that may go on", async () => {
    const refusal = (): never => {
      throw new Error("called");
    };
    const limit = limitRequest({ limits: [{ rate: 1, per: "1h" }], refusal });
    expect((await limit(request())).refused).toBeUndefined();
    await expect(limit(request())).rejects.toThrow("called");
  });
});

test("a route of Fastify has a refusal of its own", async () => {
  const { limited } = full();
  const app = fastify();
  closing.push(() => app.close());
  await app.register(ofFastify.rateLimit, { ...limited, refusal: own });
  const said = { contentType: "text/css", body: "/* later */" };
  app.get("/own", { config: { rateLimit: { refusal: () => said } } }, () => "came through");
  app.get("/", () => "came through");
  expect((await app.inject("/own")).body).toBe("/* later */");
  expect((await app.inject("/")).body).toContain("– später");
});
