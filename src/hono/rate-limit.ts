import { limiterOf } from "../http/server/limit-request.js";
import type { RateLimitOptions } from "../http/server/options.js";

/** What is needed of Hono's context. */
export interface HonoContext {
  readonly req: { header(name: string): string | undefined };
  /** On Node: the request of `node:http`. */
  readonly env: unknown;
  header(name: string, value: string): void;
}

/** Options of Hono's middleware: those of `rateLimit`, and how to find the address on other runtimes than Node. */
export interface HonoRateLimitOptions<Context extends HonoContext> extends Omit<
  RateLimitOptions<Context>,
  "settle"
> {
  /** The address of the connection. Default: that of `@hono/node-server`. Without an address, all share one bucket. */
  readonly address?: ((context: Context) => string | undefined) | undefined;
  /** As that of `rateLimit`, called when the handlers have made the response. */
  readonly settle?: ((context: Context) => number) | undefined;
}

/** A middleware of Hono. */
export type HonoMiddleware<Context extends HonoContext> = (
  context: Context,
  next: () => Promise<void>,
) => Promise<Response | undefined>;

/** The address as `@hono/node-server` gives it. */
function addressOnNode({ env }: HonoContext): string | undefined {
  const { incoming } = (env ?? {}) as {
    readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } };
  };
  return incoming?.socket?.remoteAddress;
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
  const { address = addressOnNode, ...own } = options;
  const { settle } = own;
  const limit = limiterOf<Context>("rateLimit", own, ({ req }, name) => req.header(name));
  return async (context, next) => {
    const limited = await limit(context, { address: address(context) });
    if (limited.refused !== undefined) return limited.refused;
    try {
      await next();
    } finally {
      if (settle !== undefined) limited.settle(settle(context));
    }
    // Afterwards: the handlers may make a response without what was set before.
    for (const [name, value] of limited.fields) context.header(name, value);
    return undefined;
  };
}
