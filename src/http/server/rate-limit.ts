import { Limiting, settleAll } from "./limiting.js";
import { type RateLimitOptions, readRateLimitOptions } from "./options.js";
import type { Eventually } from "./request-limiter.js";
import { describing } from "./describing.js";
import { refuse } from "./refuse.js";
import { whenEnded } from "./ended.js";
import {
  fieldOf,
  handler,
  type Middleware,
  type Next,
  type NodeRequest,
  type NodeResponse,
} from "./requests.js";
import type { Verdict } from "./verdict.js";

/**
 * Makes a middleware that limits the rate of each client's requests, for Express 4 and 5, Connect, and plain `node:http`. A
 * request beyond the limits is answered with 429, `Retry-After` and problem details; each response tells what is left
 * by the `RateLimit` fields.
 *
 * A client is known by the address of its connection, unless `trustProxy` or `key` says otherwise.
 *
 * @throws TypeError or RangeError that names the option when one is missing, unknown, of the wrong type or out of range.
 * @example
 * ```ts
 * import http from "node:http";
 * import { rateLimit } from "@kstlib/resilience/http";
 *
 * const limited = rateLimit({ limits: [{ rate: 100, per: "1m", burst: 20 }] });
 * const server = http.createServer(async (request, response) => {
 *   if (await limited(request, response)) response.end("hello");
 * });
 * ```
 */
export function rateLimit<
  Request extends NodeRequest = NodeRequest,
  Response extends NodeResponse = NodeResponse,
>(options: RateLimitOptions<Request, Response>): Middleware<Request, Response> {
  const settings = readRateLimitOptions("rateLimit", options);
  const limiting = new Limiting(settings, fieldOf);
  const { settle, refusal: describe, clock } = settings;

  const judge = describing(
    (request: Request): Eventually<Verdict> => limiting.judge(request, request, request.socket),
    describe,
  );

  const obey = (request: Request, response: Response, verdict: Verdict): boolean => {
    const { refusal, fields, reservations } = verdict;
    if (refusal !== undefined && !response.headersSent) {
      refuse(request, response, refusal, clock);
      return false;
    }
    // Not by destructuring, which costs half as much as setting them.
    if (!response.headersSent) for (const field of fields) response.setHeader(field[0], field[1]);
    if (settle !== undefined && reservations.length > 0) {
      whenEnded(request, response, () => settleAll(reservations, () => settle(request, response)));
    }
    return refusal === undefined;
  };

  const withNext = handler(judge, obey);
  return ((request: Request, response: Response, next?: Next): void | Promise<boolean> =>
    next === undefined
      ? (async () => obey(request, response, await judge(request)))()
      : withNext(request, response, next)) as Middleware<Request, Response>;
}
