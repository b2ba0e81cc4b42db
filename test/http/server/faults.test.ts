import { once } from "node:events";
import fs from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import { createRequire } from "node:module";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import express from "express";
import fastify from "fastify";
import { afterEach, describe, expect, test, vi } from "vitest";
import { rateLimit as plugin } from "../../../src/fastify/index.js";
import { limitRequest, rateLimit, type RateLimitOptions } from "../../../src/http/index.js";
import { KeyedRateLimiter } from "../../../src/rate-limiter/keyed-rate-limiter.js";
import { ManualClock } from "../../../src/testing/manual-clock.js";
import { serve, until } from "../client/servers.js";
import { listening } from "./listening.js";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const close of closing.splice(0)) await close();
});

const limits = [{ rate: 100, per: "1h" }] as const;
type Options = RateLimitOptions<http.IncomingMessage, http.ServerResponse>;

/** Express with a route that tells whether a request has come through. */
async function underExpress(framework: typeof express, options: Options): Promise<string> {
  const app = framework();
  app.use(rateLimit(options));
  app.get("/", (_request, response) => void response.send("came through"));
  app.use(
    ((error: unknown, _request: unknown, response: express.Response, _next: unknown) =>
      void response.status(500).send(String(error))) as express.ErrorRequestHandler,
  );
  return listening(http.createServer(app));
}

const frameworks: [string, (options: Options) => Promise<string>][] = [
  ["Express 5", (options) => underExpress(express, options)],
  [
    "Express 4",
    (options) => underExpress(createRequire(import.meta.url)("express-4") as typeof express, options),
  ],
  [
    "Fastify",
    async (options) => {
      const app = fastify();
      await app.register(plugin, options as unknown as Parameters<typeof plugin>[1]);
      app.get("/", () => "came through");
      closing.push(() => app.close());
      return app.listen({ port: 0, host: "127.0.0.1" });
    },
  ],
];

describe.each(frameworks)("under %s", (_name, application) => {
  // A framework takes no value for no error, and "route" and "router" for the names of what comes next.
  test.each([undefined, null, 0, "", false, "route", "router"])(
    "a callback that throws %j lets no request through",
    async (thrown) => {
      const later = { key: () => Promise.reject(thrown) };
      const atOnce = {
        key() {
          throw thrown;
        },
      };
      for (const options of [later, atOnce]) {
        const response = await fetch(await application({ limits, ...(options as Partial<Options>) }));
        expect([response.status, await response.text()]).toEqual([
          500,
          expect.stringContaining("A callback has thrown"),
        ]);
      }
    },
  );
});

describe("callbacks", () => {
  const request = (): Request => new Request("http://localhost/");

  test("a key that rejects while the cost throws leaves no rejection behind", async () => {
    const cost = vi.fn<() => number>(() => {
      throw new Error("cost");
    });
    const limit = limitRequest({ limits, key: () => Promise.reject(new Error("key")), cost });
    // An unhandled rejection would fail the run.
    await expect(limit(request())).rejects.toThrow("key");
    expect(cost).not.toHaveBeenCalled();
  });

  test.each([true, 1, "yes"])("skip may return %j, as predicates everywhere may", async (skipped) => {
    for (const skip of [() => skipped, async () => skipped]) {
      const limit = limitRequest({ limits, skip: skip as () => boolean });
      expect((await limit(request())).fields).toEqual([]);
    }
  });

  test("a trustProxy that answers with a promise trusts nobody, and leaves no rejection behind", async () => {
    for (const answer of [Promise.resolve(false), Promise.reject(new Error("store"))]) {
      const limit = limitRequest({ limits, trustProxy: (() => answer) as unknown as () => boolean });
      const forged = new Request("http://localhost/", { headers: { "x-forwarded-for": "203.0.113.1" } });
      await expect(limit(forged, { address: "192.0.2.1" })).rejects.toThrow(/answer at once; got a promise/);
    }
  });

  test("settle may answer later, and what it throws or rejects with is a warning", async () => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const limiter = new KeyedRateLimiter({ rate: 100, per: "1h", clock: new ManualClock() });
    for (const [used, left] of [
      [() => Promise.resolve(1), 99],
      [() => Promise.reject(new Error("no count")), 89],
      [() => Promise.resolve("2"), 79],
      [() => Number.NaN, 69],
    ] as const) {
      const limit = rateLimit<http.IncomingMessage, http.ServerResponse>({
        limiter,
        key: () => "all",
        cost: () => 10,
        settle: used as () => number,
      });
      const { url, ...server } = await serve((incoming, response) =>
        limit(incoming, response, () => response.end()),
      );
      closing.push(() => server[Symbol.asyncDispose]());
      await (await fetch(url)).text();
      await until(() => Math.round(limiter.tokens("all")) === left);
    }
    await until(() => warned.mock.calls.length === 3);
    expect(
      warned.mock.calls.every(
        ([, options]) => (options as { code?: string }).code === "KSTLIB_LISTENER_FAILED",
      ),
    ).toBe(true);
  });
});

describe("connections", () => {
  test("settles also the requests behind one whose connection is lost", async () => {
    const settled = new Set<string | undefined>();
    const limit = rateLimit<http.IncomingMessage, http.ServerResponse>({
      limits,
      settle(request) {
        settled.add(request.url);
        return 1;
      },
    });
    let come = 0;
    const url = await listening(
      http.createServer((request, response) => {
        request.resume();
        limit(request, response, () => come++);
      }),
    );
    const socket = net.connect(Number(new URL(url).port), "127.0.0.1");
    const pipelined = ["/1", "/2", "/3"].map((target) => `GET ${target} HTTP/1.1\r\nhost: x\r\n\r\n`);
    socket.write(pipelined.join(""));
    await until(() => come === 3);
    socket.destroy();
    await until(() => settled.size === 3);
    expect(settled).toEqual(new Set(["/1", "/2", "/3"]));
  });

  test("refuses and settles under HTTP/2, also a request whose client has gone meanwhile", async () => {
    let settled = 0;
    let decide = (): void => {};
    const decided = new Promise<void>((resolve) => (decide = resolve));
    const limit = rateLimit<http2.Http2ServerRequest & { socket: net.Socket }>({
      limits: [{ rate: 2, per: "1h" }],
      key: async ({ url }) => {
        if (url === "/later") await decided;
        return "all";
      },
      settle: () => ++settled && 1,
    });
    let asked = 0;
    let gone = 0;
    const server = http2.createServer((request, response) => {
      asked++;
      response.stream.once("close", () => gone++);
      limit(request, response as never, () => response.end("ok"));
    });
    const session = http2.connect(await listening(server));
    closing.unshift(() => session.destroy());
    const post = (target: string): http2.ClientHttp2Stream =>
      session.request({ ":path": target, ":method": "POST" });
    const later = post("/later");
    later.on("error", () => {});
    await until(() => asked === 1);
    later.close(http2.constants.NGHTTP2_CANCEL);
    await until(() => gone === 1);
    decide();
    await until(() => settled === 1);

    const served = post("/");
    served.end();
    const [headers] = (await once(served, "response")) as [http2.IncomingHttpHeaders];
    expect([headers[":status"], headers["ratelimit"]]).toEqual([
      200,
      expect.stringMatching(/^"default";r=0/),
    ]);
    served.resume();
    await until(() => settled === 2);

    // One that never ends its body: its stream is closed, and the connection stays.
    const refused = post("/");
    const body = Buffer.alloc(65_536);
    refused.write(body);
    const [refusal] = (await once(refused, "response")) as [http2.IncomingHttpHeaders];
    expect(refusal[":status"]).toBe(429);
    refused.resume();
    await until(() => refused.closed && gone === 3);
    expect(session.destroyed).toBe(false);
  });

  test("keeps cookies apart that other Fastify plugins have set when it does not read a long body", async () => {
    const app = fastify();
    app.addHook("onRequest", async (_request, reply) => {
      reply.header("set-cookie", "a=1").header("set-cookie", "b=2; Expires=Thu, 01 Jan 2027 00:00:00 GMT");
    });
    await app.register(plugin, { limits, cost: () => 1000 });
    app.post("/", () => "came through");
    closing.push(() => app.close());
    const url = await app.listen({ port: 0, host: "127.0.0.1" });
    const request = http.request(url, { method: "POST", headers: { "content-length": 1_000_000 } });
    request.on("error", () => {});
    request.flushHeaders();
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    expect([response.statusCode, response.headers["set-cookie"]]).toEqual([
      429,
      ["a=1", "b=2; Expires=Thu, 01 Jan 2027 00:00:00 GMT"],
    ]);
    request.destroy();
  });

  test("limits requests that have no socket, as those made for tests, in one bucket", () => {
    const limit = rateLimit({ limits: [{ rate: 1, per: "1h" }] });
    const ask = (): number => {
      let through = 0;
      const response = new http.ServerResponse(new http.IncomingMessage(new net.Socket()));
      const request = { headers: {}, httpVersionMajor: 1, complete: true };
      limit(request, response, () => through++);
      return through;
    };
    expect([ask(), ask()]).toEqual([1, 0]);
  });

  test("answers pipelined requests in their order, and keeps the connection of those that it refuses", async () => {
    const limit = rateLimit({ limits: [{ rate: 2, per: "1h" }] });
    const url = await listening(
      http.createServer((request, response) => limit(request, response, () => response.end(request.url))),
    );
    const socket = net.connect(Number(new URL(url).port), "127.0.0.1");
    let answers = "";
    socket.on("data", (data) => (answers += String(data)));
    const post = (target: string): string =>
      `POST ${target} HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello`;
    socket.write(["/1", "/2", "/3", "/4"].map(post).join(""));
    await until(() => answers.split("quota-exceeded").length === 3);
    socket.write(post("/5"));
    await until(() => answers.split("quota-exceeded").length === 4);
    expect(answers.match(/HTTP\/1.1 \d+/g)?.map((line) => line.slice(9))).toEqual([
      "200",
      "200",
      "429",
      "429",
      "429",
    ]);
    expect(answers).not.toMatch(/connection: close/i);
    socket.destroy();
  });

  test("refuses a client that asks whether to go on before it has sent its body", async () => {
    const limit = rateLimit({ limits: [{ rate: 1, per: "1h" }] });
    const server = http.createServer();
    server.on("checkContinue", (request: http.IncomingMessage, response: http.ServerResponse) =>
      limit(request, response, () => {
        response.writeContinue();
        request.resume().once("end", () => response.end("thanks"));
      }),
    );
    const url = await listening(server);
    const send = async (): Promise<readonly [boolean, number | undefined]> => {
      const request = http.request(url, { method: "POST" });
      request.on("error", () => {});
      request.setHeader("content-length", 100_000);
      request.setHeader("expect", "100-continue");
      let mayGoOn = false;
      request.once("continue", () => {
        mayGoOn = true;
        request.end(Buffer.alloc(100_000));
      });
      request.flushHeaders();
      const [response] = (await once(request, "response")) as [http.IncomingMessage];
      response.resume();
      await once(response, "end");
      request.destroy();
      return [mayGoOn, response.statusCode];
    };
    expect(await send()).toEqual([true, 200]);
    expect(await send()).toEqual([false, 429]);
  });

  test("limits all requests over a Unix socket together, or each by what a proxy there says", async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "rate-limit-"));
    closing.push(() => fs.rmSync(folder, { recursive: true }));
    for (const [trustProxy, statuses] of [
      [0, [200, 429, 429]],
      [1, [200, 200, 429]],
    ] as const) {
      const limit = rateLimit({ limits: [{ rate: 1, per: "1h" }], trustProxy });
      const server = http.createServer((request, response) => limit(request, response, () => response.end()));
      const socketPath = path.join(folder, String(trustProxy));
      server.listen(socketPath);
      await once(server, "listening");
      closing.unshift(async () => {
        server.closeAllConnections();
        server.close();
        await once(server, "close");
      });
      const found: unknown[] = [];
      for (const client of ["198.51.100.1", "198.51.100.2", "198.51.100.1"]) {
        const request = http.get({ socketPath, headers: { "x-forwarded-for": client } });
        const [response] = (await once(request, "response")) as [http.IncomingMessage];
        response.resume();
        found.push(response.statusCode);
      }
      expect(found).toEqual(statuses);
    }
  });

  test.each(frameworks)("refuses nobody who has gone meanwhile, under %s", async (_name, serveBy) => {
    let asked = 0;
    let isDecided = false;
    const timers = vi.fn<() => { cancel(): void }>(() => ({ cancel() {} }));
    const clock = { now: () => 0, wallNow: () => 0, setTimer: timers, sleepSync() {} };
    const url = await serveBy({
      limits,
      clock,
      cost: () => 1000,
      async key(request) {
        asked++;
        const { socket } = (request as { raw?: http.IncomingMessage }).raw ?? request;
        await until(() => socket.destroyed);
        isDecided = true;
        return "one";
      },
    });
    const client = net.connect(Number(new URL(url).port), "127.0.0.1");
    client.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n");
    await until(() => asked === 1);
    client.resetAndDestroy();
    await until(() => isDecided);
    await new Promise((resolve) => setImmediate(resolve));
    expect(timers).not.toHaveBeenCalled();
  });
});
