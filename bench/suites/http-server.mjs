// What a rate limit adds to the time of a request: by itself, and as a middleware of an Express app, of which the time of one
// without a limit is subtracted; a difference of two times is less exact than a time.
import { rateLimit } from "@kstlib/resilience/http";
import { beside, HOW, inTurn, LIMIT, PLENTY, time } from "../exchanges.mjs";
import { measure, median, peer, ratio, report } from "../measure.mjs";

const expressRateLimit = await peer("express-rate-limit", () => import("express-rate-limit"));
const flexible = await peer("rate-limiter-flexible", () => import("rate-limiter-flexible"));
const express = await peer("express", () => import("express"));

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
];
if (inExpress) rows.unshift(time("added", "time added to a request of Express", inExpress));
report(rows);
