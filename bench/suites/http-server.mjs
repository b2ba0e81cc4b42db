// What a rate limit adds to the time of a request: by itself, as a middleware of an Express app, and as a plugin of a Fastify
// app. Requests and responses are those of node:http without a socket, so that the network is not measured, and are made
// before the time is taken. Of apps the time of one without a limit is subtracted; a difference of two times is less exact
// than a time.
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
// Small batches, so that what is made before them does not outlive them, and many.
const HOW = { size: 200, batches: 401 };

const sockets = Array.from({ length: 1024 }, (_, at) => ({
  remoteAddress: `192.0.${at >> 8}.${at & 255}`,
  encrypted: false,
}));
let count = 0;

/** A request of one of a thousand clients, and its response. */
function exchange() {
  const request = new http.IncomingMessage(sockets[count++ & 1023]);
  request.url = "/";
  request.method = "GET";
  return [request, new http.ServerResponse(request)];
}

const prepare = (n) => Array.from({ length: n }, exchange);

/** Runs exchanges one after the other. `start` calls back when one has gone through, at once or later. */
const inTurn = (start) =>
  Object.assign(
    async (exchanges) => {
      let through = 0;
      for (const [request, response] of exchanges) {
        let isThrough = false;
        let resume;
        start(request, response, () => {
          isThrough = true;
          resume?.();
        });
        // Those that are done need not wait for a promise.
        if (!isThrough) await new Promise((resolve) => (resume = resolve));
        through++;
      }
      return through;
    },
    { prepare },
  );

/** The middlewares; `addressOf` is where they take the client's address from. */
function middlewares(addressOf) {
  const all = {
    nothing: (_request, _response, next) => next(),
    ours: rateLimit({ limits: [LIMIT] }),
  };
  if (expressRateLimit.module) {
    all.expressRateLimit = expressRateLimit.module.rateLimit({
      limit: PLENTY,
      windowMs: 3_600_000,
      standardHeaders: "draft-8",
      legacyHeaders: false,
      validate: false,
      ...(addressOf && { keyGenerator: addressOf }),
    });
  }
  if (flexible.module) {
    const limiter = new flexible.module.RateLimiterMemory({ points: PLENTY, duration: 3600 });
    // As its documentation has it, with the fields that the others write.
    all.flexible = async (request, response, next) => {
      try {
        const { remainingPoints, msBeforeNext } = await limiter.consume(
          (addressOf ?? (({ ip }) => ip))(request),
        );
        response.setHeader(
          "RateLimit",
          `"default"; r=${remainingPoints}; t=${Math.ceil(msBeforeNext / 1000)}`,
        );
        response.setHeader("RateLimit-Policy", `"default"; q=${PLENTY}; w=3600`);
      } catch {
        response.writeHead(429).end();
        return;
      }
      next();
    };
  }
  return all;
}

const each = (all, made) => Object.fromEntries(Object.entries(all).map(([name, one]) => [name, made(one)]));

// Without a framework, which is where `ip` and `app` of a request come from.
const alone = await measure(
  each(
    middlewares(({ socket }) => socket.remoteAddress),
    (middleware) =>
      inTurn((request, response, next) => {
        request.app = { get() {} };
        middleware(request, response, next);
      }),
  ),
  HOW,
);

const inExpress =
  express.module &&
  (await measure(
    each(middlewares(), (middleware) => {
      const app = express.module.default();
      app.use(middleware);
      // Not the callback of `handle`, for which Express waits for the next turn of the event loop.
      app.use((request) => request.through());
      return inTurn((request, response, next) => {
        request.through = next;
        app.handle(request, response);
      });
    }),
    HOW,
  ));

async function inFastify(register) {
  const app = fastify.module.default();
  await register?.(app);
  app.get("/", async () => "hello");
  await app.ready();
  return inTurn((request, response, next) => {
    response.end = next;
    app.routing(request, response);
  });
}

const ofFastify =
  fastify.module &&
  fastifyRateLimit.module &&
  (await measure(
    {
      nothing: await inFastify(),
      ours: await inFastify((app) => app.register(plugin, { limits: [LIMIT] })),
      theirs: await inFastify((app) =>
        app.register(fastifyRateLimit.module.default, { max: PLENTY, timeWindow: 3_600_000 }),
      ),
    },
    HOW,
  ));

/** The medians and not those of the differences: of times this near to each other, differences can be of any sign. */
const added = (all, name) => median(all[name]) - median(all.nothing);
const time = (id, label, all) => ({ id, label, value: added(all, "ours"), unit: "ns" });
const beside = (id, label, all, name, missing) =>
  all?.[name]
    ? { id, label, value: added(all, "ours") / added(all, name), unit: "x", max: 0.5 }
    : { id, label, missing };
const own = (id, label, name, missing) =>
  alone[name] ? { id, label, value: ratio(alone.ours, alone[name]), unit: "x" } : { id, label, missing };

const rows = [
  { id: "alone", label: "the middleware by itself", value: median(alone.ours), unit: "ns" },
  own(
    "alone-express-rate-limit",
    "by itself / express-rate-limit",
    "expressRateLimit",
    expressRateLimit.missing,
  ),
  own("alone-flexible", "by itself / rate-limiter-flexible", "flexible", flexible.missing),
  beside(
    "express-rate-limit",
    "added / express-rate-limit",
    inExpress,
    "expressRateLimit",
    expressRateLimit.missing,
  ),
  beside("flexible", "added / rate-limiter-flexible", inExpress, "flexible", flexible.missing),
  beside(
    "fastify",
    "added / @fastify/rate-limit",
    ofFastify,
    "theirs",
    fastifyRateLimit.missing ?? fastify.missing,
  ),
];
if (inExpress) rows.unshift(time("added", "time added to a request of Express", inExpress));
if (ofFastify) rows.push(time("added-fastify", "time added to a request of Fastify", ofFastify));
report(rows);
