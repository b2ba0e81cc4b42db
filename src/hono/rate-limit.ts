import { describing } from "../http/server/describing.js";
import { Limiting, settleAll } from "../http/server/limiting.js";
import { type RateLimitOptions, readRateLimitOptions } from "../http/server/options.js";
import type { Eventually } from "../http/server/request-limiter.js";
import { addressOf, type HonoContext, type HonoMiddleware, watchResponse } from "./connection.js";
import { refuseContext } from "./refuse.js";

/** Options of Hono's middleware: those of `rateLimit`, and how to find the address on further runtimes. */
export interface HonoRateLimitOptions<Context extends HonoContext> extends Omit<
  RateLimitOptions<Context>,
  "settle"
> {
  /**
   * The address of the connection. Default: what `@hono/node-server`, Deno and Bun tell. Without an address, all requests
   * share one bucket.
   */
  readonly address?: ((context: Context) => string | undefined) | undefined;
  /** As that of `rateLimit`. */
  readonly settle?: ((context: Context) => Eventually<number>) | undefined;
}

/**
 * Makes a middleware that limits the rate of each client's requests, as `rateLimit` of `@kstlib/resilience/http` does.
 *
 * @throws TypeError or RangeError that names the option when one is missing, unknown, of the wrong type or out of range.
 * @example
 * ```ts
 * import { Hono } from "hono";
 * import { rateLimit } from "@kstlib/resilience/hono";
 *
 * const app = new Hono();
 * app.use(rateLimit({ limits: [{ rate: 100, per: "1m", burst: 20 }] }));
 * app.get("/", (context) => context.text("hello"));
 * console.assert((await app.request("/")).headers.get("ratelimit")?.startsWith('"default";r=19;'));
 * ```
 */
export function rateLimit<Context extends HonoContext = HonoContext>(
  options: HonoRateLimitOptions<Context>,
): HonoMiddleware<Context> {
  const { address = addressOf, ...own } = options;
  const settings = readRateLimitOptions("rateLimit", own);
  const limiting = new Limiting<Context>(settings, ({ req }, name) => req.header(name));
  const { settle, refusal: describe, clock } = settings;
  const judge = describing(
    (context: Context) => limiting.judgeFrom(context, context, address(context)),
    describe,
  );
  return async (context, next) => {
    const { refusal, fields, reservations } = await judge(context);
    if (refusal !== undefined) return refuseContext(context, refusal, clock);
    const response = settle !== undefined && reservations.length > 0 ? watchResponse(context) : undefined;
    response?.watch(() => settleAll(reservations, () => settle?.(context)));
    try {
      await next();
    } finally {
      response?.made();
    }
    // Afterwards: the handlers may make a response without what was set before. One that leaves HTTP cannot be changed.
    if (context.res.status !== 101) for (const [name, value] of fields) context.header(name, value);
    return undefined;
  };
}
