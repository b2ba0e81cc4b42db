import { realClock } from "../kernel/clock.js";
import { Shedding, type ShedLoadOptions } from "../http/server/shedding.js";
import { type HonoContext, type HonoMiddleware, watchResponse } from "./connection.js";
import { refuseContext } from "./refuse.js";

/**
 * Makes a middleware that refuses requests with 503 and `Retry-After` when as many are served as a bulkhead or an adaptive
 * limiter allows and its queue is full, as `shedLoad` of `@kstlib/resilience/http` does. A permit is given back when the response
 * has ended, its body was cancelled, or the client has gone. Use it before other middlewares, so that none of them throws the
 * response away.
 *
 * @throws TypeError or RangeError that names the option when one is missing, unknown, of the wrong type or out of range.
 * @example
 * ```ts
 * import { Bulkhead } from "@kstlib/resilience";
 * import { Hono } from "hono";
 * import { shedLoad } from "@kstlib/resilience/hono";
 *
 * const bulkhead = new Bulkhead({ maxConcurrent: 100 });
 * const app = new Hono();
 * app.use(shedLoad({ bulkhead }));
 * app.get("/", (context) => context.text(`${bulkhead.running} under way`));
 * console.assert((await (await app.request("/")).text()) === "1 under way");
 * ```
 */
export function shedLoad<Context extends HonoContext = HonoContext>(
  options: ShedLoadOptions<Context>,
): HonoMiddleware<Context> {
  const shedding = new Shedding(options);
  return async (context, next) => {
    const response = watchResponse(context);
    const entry = await shedding.enter(context, response.watch, () => context.res.status);
    if (entry === "full") return refuseContext(context, await shedding.refuse(context), realClock);
    // There is no answer to nobody.
    if (entry === "gone") return refuseContext(context, shedding.refusal, realClock);
    try {
      await next();
    } finally {
      response.made();
    }
    return undefined;
  };
}
