import fastify, { type FastifyPluginAsync, type FastifyReply, type FastifyRequest } from "fastify";
import { expectTypeOf, test } from "vitest";
import {
  type FastifyLimitedReply,
  type FastifyLimitedRequest,
  type FastifyRateLimitOptions,
  type FastifyRouteRateLimit,
  type FastifyShedLoadOptions,
  rateLimit,
  shedLoad,
} from "../../../src/fastify/index.js";
import type { RateLimitOptions } from "../../../src/http/server/options.js";
import type { ShedLoadOptions } from "../../../src/http/server/shedding.js";
import { Bulkhead } from "../../../src/policies/bulkhead/bulkhead.js";
import { KeyedRateLimiter } from "../../../src/rate-limiter/keyed-rate-limiter.js";

declare module "fastify" {
  interface FastifyContextConfig {
    rateLimit?: FastifyRouteRateLimit;
  }
}

/** As a plugin for sessions declares it. */
interface Known extends FastifyRequest {
  readonly user: { readonly id: string };
}

const app = fastify();
const limits = [{ rate: 100, per: "1m" }] as const;
const bulkhead = new Bulkhead({ maxConcurrent: 5 });
const limiter = new KeyedRateLimiter({ name: "api", rate: 5 });

test("register gives the parameters of callbacks their types", async () => {
  await app.register(rateLimit, { limits: [{ rate: 100, per: "1m", burst: 20 }], key: (req) => req.ip });
  await app.register(rateLimit, {
    limits,
    prefix: "/api",
    key: (request) => {
      expectTypeOf(request).toEqualTypeOf<FastifyLimitedRequest>();
      return `${request.id} ${request.method} ${request.url} ${request.routeOptions.url}`;
    },
    skip: (request) => request.headers["origin"] === undefined && request.query !== undefined,
    cost: async ({ url, params }) => (params === undefined ? url.length : 1),
    settle: (request, reply) => {
      expectTypeOf(reply).toEqualTypeOf<FastifyLimitedReply>();
      return reply.statusCode === 304 || request.hostname === "" ? 0 : Number(reply.getHeader("x-cost"));
    },
  });
  await app.register(rateLimit, { limiter, key: async ({ ip }) => ip });
});

test("callbacks may have Fastify's types, and those that plugins make of them", async () => {
  await app.register(rateLimit, {
    limits,
    key: (request: FastifyRequest) => request.ip,
    skip: async (request: FastifyRequest) => request.is404,
    cost: (request: FastifyRequest) => Number(request.body),
    settle: (_request: FastifyRequest, reply: FastifyReply) => reply.elapsedTime,
  });
  await app.register(rateLimit, { limits, key: ({ user }: Known) => user.id });
  await app.register(rateLimit, {
    limits,
    key: (request: FastifyRequest<{ Querystring: { token: string } }>) => request.query.token,
  });
  expectTypeOf<FastifyRequest>().toExtend<FastifyLimitedRequest>();
  const options: FastifyRateLimitOptions = { limits, key: ({ ip }: FastifyRequest) => ip };
  await app.register(rateLimit, options);
  await app.register(rateLimit, () => options);
  // @ts-expect-error a parameter that is no request
  await app.register(rateLimit, { limits, key: (request: Date) => request.toISOString() });
});

test("refusal has the request's types and says content or nothing", async () => {
  const content = { contentType: "text/plain", body: "later" };
  await app.register(rateLimit, {
    limits,
    refusal: (request, { status, policies, retryAfter }) => {
      expectTypeOf(request).toEqualTypeOf<FastifyLimitedRequest>();
      expectTypeOf(status).toEqualTypeOf<429 | 503>();
      return { contentType: "text/plain", body: `${policies.join()} ${retryAfter}` };
    },
  });
  await app.register(shedLoad, {
    bulkhead,
    refusal: (request, { status }) => void `${request.ip} ${status}`,
  });
  await app.register(shedLoad, {
    bulkhead,
    refusal: async (request: FastifyRequest) => request.log.warn("refused"),
  });
  await app.register(rateLimit, { limits, refusal: ({ user }: Known) => ({ ...content, body: user.id }) });
  // @ts-expect-error a body without its type
  await app.register(rateLimit, { limits, refusal: () => ({ body: "later" }) });
  // @ts-expect-error a parameter that is no request
  await app.register(shedLoad, { bulkhead, refusal: (_request: Date) => content });
});

test("options that fail at run time do not compile", async () => {
  expectTypeOf<keyof FastifyRateLimitOptions>().toEqualTypeOf<keyof RateLimitOptions>();
  // @ts-expect-error without options
  await app.register(rateLimit);
  // @ts-expect-error neither limits nor limiter
  await app.register(rateLimit, {});
  // @ts-expect-error neither limits nor limiter
  await app.register(rateLimit, { key: ({ ip }: FastifyRequest) => ip });
  // @ts-expect-error both
  await app.register(rateLimit, { limits, limiter });
  // @ts-expect-error an unknown option
  await app.register(rateLimit, { limits, max: 5 });
  // @ts-expect-error an unknown property of a limit
  await app.register(rateLimit, { limits: [{ rate: 5, max: 5 }] });
  // @ts-expect-error a limit without a rate
  await app.register(rateLimit, { limits: [{ per: "1m" }] });
  // @ts-expect-error a key that is no string
  await app.register(rateLimit, { limits, key: () => 5 });
  // @ts-expect-error a value that is none of the allowed
  await app.register(rateLimit, { limits, headers: "draft-10" });
});

test("shedLoad is given a bulkhead or an adaptive limiter", async () => {
  await app.register(shedLoad, { bulkhead, prefix: "/api", retryAfter: "2s" });
  await app.register(shedLoad, { adaptiveLimiter: bulkhead });
  await app.register(shedLoad, { bulkhead, skip: (request: FastifyRequest) => request.url === "/metrics" });
  expectTypeOf<keyof FastifyShedLoadOptions>().toEqualTypeOf<keyof ShedLoadOptions>();
  expectTypeOf<FastifyShedLoadOptions>().toExtend<ShedLoadOptions<never>>();
  // @ts-expect-error without options
  await app.register(shedLoad);
  // @ts-expect-error neither
  await app.register(shedLoad, {});
  // @ts-expect-error both
  await app.register(shedLoad, { bulkhead, adaptiveLimiter: bulkhead });
  // @ts-expect-error an unknown option
  await app.register(shedLoad, { bulkhead, max: 5 });
});

test("a route has options in place of the plugin's, or false", () => {
  expectTypeOf<FastifyRateLimitOptions>().toExtend<FastifyRouteRateLimit>();
  app.get("/a", { config: { rateLimit: false } }, () => "hello");
  app.get("/b", { config: { rateLimit: { cost: () => 2 } } }, () => "hello");
  app.get("/c", { config: { rateLimit: { limits, key: ({ ip }) => ip } } }, () => "hello");
  app.get("/d", { config: { rateLimit: { limiter, key: ({ ip }: FastifyRequest) => ip } } }, () => "hello");
  // @ts-expect-error both
  app.get("/e", { config: { rateLimit: { limits, limiter } } }, () => "hello");
  // Fastify infers the type of `config` from what stands there; what it lets pass is found when the route is added.
  // @ts-expect-error an unknown property of a limit
  void ({ limits: [{ rate: 5, max: 5 }] } satisfies FastifyRouteRateLimit);
  // @ts-expect-error neither options nor false
  void (true satisfies FastifyRouteRateLimit);
});

test("servers of every kind register the plugins", async () => {
  expectTypeOf<FastifyRequest>().toExtend<FastifyLimitedRequest>();
  expectTypeOf<FastifyReply>().toExtend<FastifyLimitedReply>();
  const http2 = fastify({ http2: true });
  await http2.register(rateLimit, { limits, key: ({ ip }) => ip });
  await http2.register(shedLoad, { bulkhead });
  const logging = fastify({ logger: true });
  await logging.register(rateLimit, { limits, key: ({ ip }) => ip });
  const inner: FastifyPluginAsync = async (scope) => {
    await scope.register(rateLimit, { limits, key: ({ ip }) => ip });
  };
  await app.register(inner);
});
