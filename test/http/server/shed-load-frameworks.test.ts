import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import net from "node:net";
import { serve as serveHono } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { afterEach, describe, expect, test } from "vitest";
import { shedLoad as plugin } from "../../../src/fastify/index.js";
import { shedLoad as middleware } from "../../../src/hono/index.js";
import { shedLoad } from "../../../src/http/index.js";
import { AdaptiveLimiter } from "../../../src/policies/adaptive-limiter/adaptive-limiter.js";
import { Bulkhead } from "../../../src/policies/bulkhead/bulkhead.js";
import { until } from "../client/servers.js";
import { listening } from "./listening.js";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

type Limiter = Bulkhead | AdaptiveLimiter;
type Limits = ({ bulkhead: Bulkhead } | { adaptiveLimiter: AdaptiveLimiter }) & { skip?: typeof skip };

/** An application with a route that answers when it is told to, one that fails, and one whose body is a stream. */
interface Application {
  readonly url: string;
  /** Ends the response of a request that hangs. */
  finish(): void;
  readonly hanging: number;
  /** How many streams were cancelled or have ended. */
  readonly ended: number;
}

/** What the handlers of all frameworks share. */
class Routes {
  readonly #waiting: (() => void)[] = [];
  hanging = 0;
  ended = 0;

  hang(): Promise<string> {
    this.hanging++;
    return new Promise((resolve) => this.#waiting.push(() => resolve("done")));
  }

  finish(): void {
    this.#waiting.shift()?.();
  }

  /** A body without an end. */
  stream(): ReadableStream<Uint8Array> {
    return new ReadableStream({
      pull: (controller) => controller.enqueue(new TextEncoder().encode("more ")),
      cancel: () => void this.ended++,
    });
  }
}

function application(routes: Routes, url: string): Application {
  return {
    url,
    finish: () => routes.finish(),
    get hanging() {
      return routes.hanging;
    },
    get ended() {
      return routes.ended;
    },
  };
}

const frameworks: [string, (limits: Limits) => Promise<Application>][] = [
  [
    "Express",
    async (limits) => {
      const routes = new Routes();
      const app = express();
      app.use(shedLoad(limits));
      app.all("/hang", async (_request, response) => void response.send(await routes.hang()));
      app.get("/probe", (_request, response) => void response.send("alive"));
      app.get("/broken", () => {
        throw new Error("handler");
      });
      app.get("/stream", (_request, response) => {
        response.once("close", () => routes.ended++);
        const more = (): void => void setImmediate(() => response.write("more ") && more());
        more();
      });
      app.use(
        ((_error: unknown, _request: unknown, response: express.Response, _next: unknown) =>
          void response.status(500).send("broken")) as express.ErrorRequestHandler,
      );
      return application(routes, await listening(http.createServer(app)));
    },
  ],
  [
    "Fastify",
    async (limits) => {
      const routes = new Routes();
      const app = fastify({ forceCloseConnections: true });
      await app.register(plugin, limits);
      app.all("/hang", () => routes.hang());
      app.get("/probe", () => "alive");
      app.get("/broken", () => {
        throw new Error("handler");
      });
      app.get("/stream", (_request, reply) => reply.send(routes.stream()));
      closing.push(() => app.close());
      return application(routes, await app.listen({ port: 0, host: "127.0.0.1" }));
    },
  ],
  [
    "Hono",
    async (limits) => {
      const routes = new Routes();
      const app = new Hono();
      app.use(middleware(limits));
      app.all("/hang", async (context) => context.text(await routes.hang()));
      app.get("/probe", (context) => context.text("alive"));
      app.get("/broken", () => {
        throw new Error("handler");
      });
      app.get("/stream", () => new Response(routes.stream()));
      app.onError((_error, context) => context.text("broken", 500));
      const server = serveHono({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }) as http.Server;
      if (!server.listening) await once(server, "listening");
      return application(routes, await listening(server));
    },
  ],
];

/** Of the request of each framework. */
async function skip(given: unknown): Promise<boolean> {
  const request: { readonly url?: string; readonly req?: { readonly url: string } } = given as object;
  const url = request.url ?? request.req?.url ?? "";
  if (url.endsWith("?fail")) throw new Error("a callback failed");
  return url.includes("/probe");
}

const limiters: [string, () => { limiter: Limiter; limits: Limits }][] = [
  [
    "a bulkhead",
    () => {
      const bulkhead = new Bulkhead({ maxConcurrent: 1, maxQueue: 1 });
      return { limiter: bulkhead, limits: { bulkhead } };
    },
  ],
  [
    "an adaptive limiter",
    () => {
      const adaptiveLimiter = new AdaptiveLimiter({ initial: 1, min: 1, max: 1, maxQueue: 1 });
      return { limiter: adaptiveLimiter, limits: { adaptiveLimiter } };
    },
  ],
];

describe.each(frameworks)("shedLoad under %s", (_framework, serve) => {
  describe.each(limiters)("by %s", (_kind, limit) => {
    test("refuses what it has no room for, and has room again when a response has ended", async () => {
      const { limiter, limits } = limit();
      const app = await serve(limits);
      const first = fetch(`${app.url}/hang`);
      await until(() => app.hanging === 1);
      const second = fetch(`${app.url}/hang`);
      await until(() => limiter.queued === 1);
      const refused = await fetch(`${app.url}/hang`);
      expect([
        refused.status,
        refused.headers.get("retry-after"),
        refused.headers.get("content-type")?.split(";")[0],
        await refused.json(),
      ]).toEqual([503, "1", "application/problem+json", expect.objectContaining({ status: 503 })]);
      app.finish();
      expect(await (await first).text()).toBe("done");
      await until(() => app.hanging === 2);
      app.finish();
      expect(await (await second).text()).toBe("done");
      await until(() => limiter.running === 0);
      expect(limiter.queued).toBe(0);
    });

    test("serves what it is told to skip, without a permit, also when there is no room", async () => {
      const { limiter, limits } = limit();
      const app = await serve({ ...limits, skip });
      const held = [fetch(`${app.url}/hang`), fetch(`${app.url}/hang`)];
      await until(() => app.hanging === 1 && limiter.queued === 1);
      expect((await fetch(`${app.url}/hang`)).status).toBe(503);
      for (let probe = 0; probe < 3; probe++)
        expect(await (await fetch(`${app.url}/probe`)).text()).toBe("alive");
      expect(await (await fetch(`${app.url}/probe?fail`)).text()).not.toBe("alive");
      expect([limiter.running, limiter.queued]).toEqual([1, 1]);
      app.finish();
      await until(() => app.hanging === 2);
      app.finish();
      for (const each of held) expect((await each).status).toBe(200);
    });

    test("has room again when a handler fails", async () => {
      const { limiter, limits } = limit();
      const app = await serve(limits);
      expect((await fetch(`${app.url}/broken`)).status).toBe(500);
      await until(() => limiter.running === 0);
      expect((await fetch(`${app.url}/nowhere`)).status).toBe(404);
      await until(() => limiter.running === 0);
    });

    test("has room again when a client goes away, also in the middle of a stream or while it waits", async () => {
      const { limiter, limits } = limit();
      const app = await serve(limits);
      const streaming = new AbortController();
      const { body } = await fetch(`${app.url}/stream`, { signal: streaming.signal });
      await body?.getReader().read();
      expect(limiter.running).toBe(1);

      const waiting = new AbortController();
      const waited = fetch(`${app.url}/hang`, { signal: waiting.signal }).catch(() => "gone");
      await until(() => limiter.queued === 1);
      waiting.abort();
      expect(await waited).toBe("gone");
      // It leaves the queue, and not only when its turn comes.
      await until(() => limiter.queued === 0);
      expect(limiter.running).toBe(1);

      streaming.abort();
      await until(() => limiter.running === 0 && app.ended === 1);
      expect(app.hanging).toBe(0);
    });

    test("has room again when the connection of pipelined requests is lost", async () => {
      const { limiter, limits } = limit();
      const app = await serve(limits);
      const socket = net.connect(Number(new URL(app.url).port), "127.0.0.1");
      socket.on("error", () => {});
      socket.write("GET /hang HTTP/1.1\r\nhost: x\r\n\r\n".repeat(3));
      await until(() => app.hanging === 1 && limiter.queued === 1);
      socket.destroy();
      await until(() => limiter.running === 0 && limiter.queued === 0);
      expect(app.hanging).toBe(1);
    });

    test("does not read a long body of a request that it refuses", async () => {
      const { limiter, limits } = limit();
      const app = await serve(limits);
      const clients = [new AbortController(), new AbortController()];
      const hanging = clients.map(({ signal }) => fetch(`${app.url}/hang`, { signal }).catch(() => "gone"));
      await until(() => limiter.running === 1 && limiter.queued === 1);
      const { hostname, port } = new URL(app.url);
      const socket = net.connect(Number(port), hostname);
      socket.on("error", () => {});
      socket.write("POST /hang HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\n");
      const chunk = Buffer.alloc(65_536);
      const pump = (): void => {
        while (socket.writable && socket.write(chunk));
      };
      socket.on("drain", pump);
      let answer = "";
      socket.on("data", (data) => (answer += String(data)));
      pump();
      await new Promise((resolve) => socket.once("close", resolve));
      expect(answer).toMatch(/^HTTP\/1.1 503 .*connection: close.*temporary-reduced-capacity/is);
      // What is under way within the kernel's buffers, and no more.
      expect(socket.bytesWritten).toBeLessThan(20_000_000);
      for (const client of clients) client.abort();
      await Promise.all(hanging);
      await until(() => limiter.running === 0 && limiter.queued === 0);
    });
  });
});

describe("shedLoad under Hono without node:http", () => {
  function hono() {
    const bulkhead = new Bulkhead({ maxConcurrent: 1 });
    const routes = new Routes();
    const app = new Hono();
    app.use(middleware({ bulkhead }));
    app.get("/hang", async (context) => context.text(await routes.hang()));
    app.get("/text", (context) => context.text("hello"));
    app.get("/empty", (context) => context.body(null, 204));
    app.get("/stream", () => new Response(routes.stream()));
    app.get("/broken", () => {
      throw new Error("handler");
    });
    app.get(
      "/failing",
      () => new Response(new ReadableStream({ pull: () => Promise.reject(new Error("source")) })),
    );
    app.onError((_error, context) => context.text("broken", 500));
    return { bulkhead, routes, app };
  }

  test("has room again when a body was read, failed or was cancelled, and where there is none", async () => {
    const { bulkhead, routes, app } = hono();
    const text = await app.request("/text");
    expect([bulkhead.running, (await app.request("/text")).status]).toEqual([1, 503]);
    expect([await text.text(), bulkhead.running]).toEqual(["hello", 0]);

    expect([(await app.request("/empty")).status, bulkhead.running]).toEqual([204, 0]);
    expect([(await app.request("/text", { method: "HEAD" })).status, bulkhead.running]).toEqual([200, 0]);
    expect([await (await app.request("/broken")).text(), bulkhead.running]).toEqual(["broken", 0]);
    await expect((await app.request("/failing")).text()).rejects.toThrow("source");
    expect(bulkhead.running).toBe(0);

    const { body } = await app.request("/stream");
    const reader = body?.getReader();
    await reader?.read();
    expect(bulkhead.running).toBe(1);
    await reader?.cancel();
    expect([bulkhead.running, routes.ended]).toEqual([0, 1]);
  });

  test("has room again when the client goes away before there is a response", async () => {
    const { bulkhead, routes, app } = hono();
    const client = new AbortController();
    const hanging = app.request(new Request("http://localhost/hang", { signal: client.signal }));
    await until(() => routes.hanging === 1);
    client.abort();
    await until(() => bulkhead.running === 0);
    routes.finish();
    await (await hanging).text();
    expect([bulkhead.running, bulkhead.queued]).toEqual([0, 0]);
  });
});

test("an adaptive limiter learns from responses under HTTP/1 and not from those whose client went away", async () => {
  const adaptiveLimiter = new AdaptiveLimiter({ initial: 4, min: 1, max: 8 });
  const statuses: unknown[] = [];
  const seen: Pick<AdaptiveLimiter, "execute"> = {
    execute: ((fn: () => Promise<number>, options?: { signal: AbortSignal }) => {
      const run = adaptiveLimiter.execute(fn, options);
      run.then(
        (status) => statuses.push(status),
        () => statuses.push("gone"),
      );
      return run;
    }) as AdaptiveLimiter["execute"],
  };
  for (const [, serve] of frameworks) {
    statuses.length = 0;
    const app = await serve({ adaptiveLimiter: seen as AdaptiveLimiter });
    await (await fetch(`${app.url}/nowhere`)).text();
    await until(() => statuses.length === 1);
    const client = new AbortController();
    const gone = fetch(`${app.url}/hang`, { signal: client.signal }).catch(() => "gone");
    await until(() => app.hanging === 1);
    client.abort();
    await gone;
    await until(() => statuses.length === 2);
    expect(statuses).toEqual([404, "gone"]);
  }
});

test("a permit comes back under HTTP/2 when a stream has ended or was cancelled", async () => {
  const bulkhead = new Bulkhead({ maxConcurrent: 1, maxQueue: 1 });
  const routes = new Routes();
  const app = fastify({ http2: true });
  await app.register(plugin, { bulkhead });
  app.get("/hang", () => routes.hang());
  app.get("/", () => "hello");
  const session = http2.connect(await app.listen({ port: 0, host: "127.0.0.1" }));
  closing.push(async () => {
    session.destroy();
    await app.close();
  });
  const get = (target: string): http2.ClientHttp2Stream => {
    const stream = session.request({ ":path": target });
    stream.on("error", () => {});
    stream.resume();
    return stream;
  };
  const served = get("/");
  const [headers] = (await once(served, "response")) as [http2.IncomingHttpHeaders];
  expect(headers[":status"]).toBe(200);
  await until(() => bulkhead.running === 0);
  const running = get("/hang");
  await until(() => routes.hanging === 1);
  const waiting = get("/hang");
  await until(() => bulkhead.queued === 1);
  waiting.close(http2.constants.NGHTTP2_CANCEL);
  await until(() => bulkhead.queued === 0);
  running.close(http2.constants.NGHTTP2_CANCEL);
  await until(() => bulkhead.running === 0);
  expect(routes.hanging).toBe(1);
});
