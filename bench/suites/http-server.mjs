// What a rate limit adds to the time of a request: of Express apps with requests and responses that have no socket, so that
// the network is not measured, and of Fastify apps by their own injection; less that of an app without a limit.
import { rateLimit } from "@kstlib/resilience/http";
import { rateLimit as plugin } from "@kstlib/resilience/fastify";
import http from "node:http";
import { measure, median, peer, ratio, report } from "../measure.mjs";

const expressRateLimit = await peer("express-rate-limit", () => import("express-rate-limit"));
const flexible = await peer("rate-limiter-flexible", () => import("rate-limiter-flexible"));
const express = await peer("express", () => import("express"));
const fastify = await peer("fastify", () => import("fastify"));
const fastifyRateLimit = await peer("@fastify/rate-limit", () => import("@fastify/rate-limit"));

const PLENTY = 1_000_000_000;
// Its buckets are not full again at once, so that clients stay known, as those of the others do.
const LIMIT = { rate: 1, per: "1h", burst: PLENTY };

/** Gives an app requests of a thousand clients, each after the one before has gone through. */
function through(middleware) {
  const app = express.module.default();
  app.use(middleware);
  return async (n) => {
    let sum = 0;
    for (let at = 0; at < n; at++) {
      const socket = { remoteAddress: `192.0.${(at >> 8) & 3}.${at & 255}` };
      const request = new http.IncomingMessage(socket);
      request.url = "/";
      request.method = "GET";
      const response = new http.ServerResponse(request);
      await new Promise((resolve, reject) => {
        app.handle(request, response, (error) => (error ? reject(error) : resolve()));
      });
      sum += response.hasHeader("RateLimit") ? 1 : 0;
    }
    return sum;
  };
}

const subjects = {
  nothing: through((_request, _response, next) => next()),
  ours: through(rateLimit({ limits: [LIMIT] })),
};
if (expressRateLimit.module) {
  const { rateLimit: theirs } = expressRateLimit.module;
  subjects.expressRateLimit = through(
    theirs({
      limit: PLENTY,
      windowMs: 3_600_000,
      standardHeaders: "draft-8",
      legacyHeaders: false,
      validate: false,
    }),
  );
}
if (flexible.module) {
  const limiter = new flexible.module.RateLimiterMemory({ points: PLENTY, duration: 3600 });
  // As its documentation has it, with the fields that the others write.
  subjects.flexible = through(async (request, response, next) => {
    try {
      const { remainingPoints, msBeforeNext } = await limiter.consume(request.ip);
      response.setHeader("RateLimit", `"default"; r=${remainingPoints}; t=${Math.ceil(msBeforeNext / 1000)}`);
      response.setHeader("RateLimit-Policy", `"default"; q=${PLENTY}; w=3600`);
    } catch {
      response.writeHead(429).end();
      return;
    }
    next();
  });
}
const times = await measure(subjects, { size: 2000, batches: 31 });

async function injected(register) {
  const app = fastify.module.default();
  await register?.(app);
  app.get("/", async () => "hello");
  await app.ready();
  return async (n) => {
    let sum = 0;
    for (let at = 0; at < n; at++)
      sum += (await app.inject({ url: "/", remoteAddress: `192.0.2.${at & 255}` })).statusCode;
    return sum;
  };
}

let onFastify;
if (fastify.module && fastifyRateLimit.module) {
  const apps = {
    nothing: await injected(),
    ours: await injected((app) => app.register(plugin, { limits: [LIMIT] })),
    theirs: await injected((app) =>
      app.register(fastifyRateLimit.module.default, { max: PLENTY, timeWindow: 3_600_000 }),
    ),
  };
  onFastify = await measure(apps, { size: 500, batches: 31 });
}

const added = (all, name) => all[name].map((time, batch) => time - all.nothing[batch]);
const beside = (id, label, all, name, missing) =>
  all?.[name]
    ? { id, label, value: ratio(added(all, "ours"), added(all, name)), unit: "x", max: 0.5 }
    : { id, label, missing };

report([
  { id: "added", label: "time added to a request", value: median(added(times, "ours")), unit: "ns" },
  beside(
    "express-rate-limit",
    "added / express-rate-limit",
    times,
    "expressRateLimit",
    expressRateLimit.missing,
  ),
  beside("flexible", "added / rate-limiter-flexible", times, "flexible", flexible.missing),
  beside(
    "fastify",
    "added / @fastify/rate-limit",
    onFastify,
    "theirs",
    fastifyRateLimit.missing ?? fastify.missing,
  ),
]);
