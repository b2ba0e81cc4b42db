import http from "node:http";
import { serve as serveHono } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { afterEach, expect, test } from "vitest";
import { rateLimit as plugin } from "../../../src/fastify/index.js";
import { rateLimit as middleware } from "../../../src/hono/index.js";
import { rateLimit, shedLoad } from "../../../src/http/index.js";
import { Bulkhead } from "../../../src/policies/bulkhead/bulkhead.js";
import { ManualClock } from "../../../src/testing/manual-clock.js";
import { listening } from "./listening.js";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** What the application has said of the body that it was to send, and of who may keep that. */
const SAID = {
  Age: "1",
  "Cache-Control": "public, max-age=600",
  "CDN-Cache-Control": "max-age=600",
  "Cloudflare-CDN-Cache-Control": "max-age=600",
  "Content-Digest": "sha-256=:AAAA:",
  "Content-Disposition": "attachment",
  "Content-Encoding": "gzip",
  "Content-Language": "de",
  "Content-Length": "3",
  "Content-Location": "/other",
  "Content-MD5": "AAAA",
  Digest: "sha-256=AAAA",
  ETag: '"1"',
  Expires: "Wed, 21 Oct 2099 07:28:00 GMT",
  "Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT",
  Pragma: "public",
  "Repr-Digest": "sha-256=:AAAA:",
  "Retry-After": "9999",
  "Surrogate-Control": "max-age=600",
  "X-Accel-Expires": "600",
} as const;
const TRAILER = { Trailer: "Server-Timing", "Transfer-Encoding": "chunked" } as const;
const OTHERS = { "Access-Control-Allow-Origin": "*" } as const;

const never = { rate: 1, per: "1h" } as const;

const shells: readonly (readonly [string, () => Promise<string>])[] = [
  [
    "node:http",
    () => {
      const limit = rateLimit({ limits: [never], clock: new ManualClock() });
      return listening(
        http.createServer((request, response) => {
          for (const [name, value] of Object.entries({ ...SAID, ...TRAILER, ...OTHERS }))
            response.setHeader(name, value);
          limit(request, response, (error) => {
            for (const name of Object.keys({ ...SAID, ...TRAILER })) response.removeHeader(name);
            response.end(error === undefined ? "hello" : "failed");
          });
        }),
      );
    },
  ],
  [
    "Express",
    () => {
      const app = express();
      const shed = shedLoad({ bulkhead: new Bulkhead({ maxConcurrent: 1 }) });
      app.use((_request, response, next) => {
        response.set({ ...SAID, ...TRAILER, ...OTHERS });
        next();
      });
      app.use(shed);
      // The first one stays.
      app.use((_request, response) => {
        for (const name of Object.keys(TRAILER)) response.removeHeader(name);
        response.flushHeaders();
      });
      return listening(http.createServer(app));
    },
  ],
  [
    "Fastify",
    async () => {
      const app = fastify();
      closing.push(() => app.close());
      app.addHook("onRequest", async (_request, reply) => void reply.headers({ ...SAID, ...OTHERS }));
      await app.register(plugin, { limits: [never], clock: new ManualClock() });
      app.get("/", async () => "hello");
      return app.listen({ port: 0, host: "127.0.0.1" });
    },
  ],
  [
    "Fastify, after a middleware of node:http",
    async () => {
      const app = fastify();
      closing.push(() => app.close());
      let isFirst = true;
      app.addHook("onRequest", async (_request, { raw }) => {
        if (!isFirst) for (const each of Object.entries({ ...SAID, ...TRAILER })) raw.setHeader(...each);
        isFirst = false;
        raw.setHeader("Access-Control-Allow-Origin", "*");
      });
      await app.register(plugin, { limits: [never], clock: new ManualClock() });
      app.get("/", async () => "hello");
      return app.listen({ port: 0, host: "127.0.0.1" });
    },
  ],
  [
    "Hono",
    async () => {
      const app = new Hono();
      app.use(async (context, next) => {
        for (const [name, value] of Object.entries({ ...SAID, ...OTHERS }))
          context.res.headers.set(name, value);
        await next();
      });
      app.use(middleware({ limits: [never], clock: new ManualClock() }));
      app.get("/", (context) => context.text("hello"));
      return new Promise((resolve) => {
        const server = serveHono({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) =>
          resolve(`http://127.0.0.1:${port}`),
        );
        closing.push(() => server.close());
      });
    },
  ],
];

test.each(shells)(
  "a refusal of %s says nothing of the body it replaces, and keeps the rest",
  async (_, start) => {
    const url = await start();
    const ask = (): Promise<http.IncomingMessage> =>
      new Promise((resolve, reject) => {
        http.get(url, { agent: false }, resolve).once("error", reject);
      });
    const first = await ask();
    const refused = await ask();
    let body = "";
    for await (const chunk of refused.setEncoding("utf8")) body += String(chunk);
    first.destroy();
    expect([429, 503]).toContain(refused.statusCode);
    expect(JSON.parse(body)).toMatchObject({ status: refused.statusCode });
    const { "retry-after": after, "cache-control": cache, "content-length": length } = refused.headers;
    expect([Number(after) < 9999, cache, Number(length)]).toEqual([
      true,
      "no-store",
      Buffer.byteLength(body),
    ]);
    const gone = Object.entries({ ...SAID, ...TRAILER }).map(([name, value]) => [name.toLowerCase(), value]);
    expect(gone.filter(([name = "", value]) => refused.headers[name] === value)).toEqual([]);
    expect(refused.headers).toMatchObject({ "access-control-allow-origin": "*" });
  },
);
