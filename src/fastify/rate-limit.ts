import { whenEnded } from "../http/server/ended.js";
import { describing } from "../http/server/describing.js";
import { Limiting, settleAll } from "../http/server/limiting.js";
import { type RateLimitOptions, readRateLimitOptions } from "../http/server/options.js";
import type { Eventually } from "../http/server/request-limiter.js";
import { fieldOf, handler } from "../http/server/requests.js";
import type { Verdict } from "../http/server/verdict.js";
import { unlike } from "../kernel/show.js";
import type { FastifyRateLimitOptions } from "./options.js";
import {
  type FastifyLimitedReply,
  type FastifyLimitedRequest,
  type FastifyLimitedServer,
  type OnRequest,
  hasRoutes,
  ownOf,
  refuseReply,
  withoutScope,
} from "./server.js";

function hookOf(options: RateLimitOptions<never, never>): OnRequest {
  const settings = readRateLimitOptions("rateLimit", options);
  const limiting = new Limiting(settings, fieldOf);
  const { settle, refusal: describe, clock } = settings;

  const obey = (request: FastifyLimitedRequest, reply: FastifyLimitedReply, verdict: Verdict): boolean => {
    const { refusal, fields, reservations } = verdict;
    if (refusal !== undefined) {
      refuseReply(request, reply, refusal, clock);
      return false;
    }
    for (const field of fields) reply.header(field[0], field[1]);
    if (settle !== undefined && reservations.length > 0) {
      whenEnded(request.raw, reply.raw, () => settleAll(reservations, () => settle(request, reply)));
    }
    return true;
  };

  const judge = describing(
    (request: FastifyLimitedRequest): Eventually<Verdict> =>
      limiting.judge(request, request.raw, request.raw.socket),
    describe,
  );
  return handler(judge, obey) as OnRequest;
}

const ownOfRoute = (config: unknown): unknown =>
  (config as { readonly rateLimit?: unknown } | undefined)?.rateLimit;

const notLimited: OnRequest = (_request, _reply, done) => done();

/** The hooks of routes: the plugin's, or one of their own. */
class RouteHooks {
  readonly #options: RateLimitOptions<never, never>;
  /** The plugin's. */
  readonly general: OnRequest;
  readonly #own = new WeakMap<object, OnRequest>();

  constructor(options: RateLimitOptions<never, never>) {
    this.#options = options;
    this.general = hookOf(options);
  }

  /** @throws TypeError or RangeError that names the option when one is wrong. */
  of(config: unknown): OnRequest {
    const given = ownOfRoute(config);
    if (given === undefined) return this.general;
    if (given === false) return notLimited;
    if (typeof given !== "object" || given === null) {
      throw new TypeError(unlike("config.rateLimit of a route", "options of rateLimit, or false", given));
    }
    let hook = this.#own.get(given);
    if (hook === undefined) {
      const { limits, limiter, ...others } = this.#options;
      const hasOwn = "limits" in given || "limiter" in given;
      hook = hookOf({ ...others, ...(!hasOwn && { limits, limiter }), ...given });
      this.#own.set(given, hook);
    }
    return hook;
  }
}

/**
 * A plugin for Fastify 5 that limits the rate of each client's requests, as `rateLimit` of `@kstlib/resilience/http` does:
 * those of all routes of the server or scope in which it is registered, before their bodies are read. Callbacks get
 * Fastify's request and reply, and may declare them as `FastifyRequest` and `FastifyReply`. A route with
 * `config: { rateLimit: options }` has these options in place of the plugin's, and buckets of its own, shared by routes with the
 * same object; with `config: { rateLimit: false }` it is not limited.
 *
 * @throws TypeError or RangeError, at `register` or when a route is added, that names the option when one is missing, unknown
 * or wrong.
 * @example
 * ```ts
 * import fastify from "fastify";
 * import { rateLimit } from "@kstlib/resilience/fastify";
 *
 * const app = fastify();
 * await app.register(rateLimit, { limits: [{ rate: 100, per: "1m", burst: 20 }] });
 * app.get("/", async () => "hello");
 * const { headers } = await app.inject("/");
 * console.assert(String(headers["ratelimit"]).startsWith('"default";r=19;'));
 * ```
 */
export const rateLimit: (server: FastifyLimitedServer, options: FastifyRateLimitOptions) => Promise<void> =
  withoutScope(async (server: FastifyLimitedServer, options: FastifyRateLimitOptions) => {
    const hooks = new RouteHooks(ownOf(options));
    const routes: { readonly config?: unknown }[] = [];
    server.addHook("onRoute", (route) => {
      // Tells at once what is wrong with a route's options.
      hooks.of(route.config);
      routes.push(route);
    });
    // Of routes that were added before, nothing is known yet.
    let haveOwn: boolean | undefined = hasRoutes(server) || undefined;
    server.addHook("onRequest", (request, reply, done) => {
      // Asked by the first request, when no more routes can come and other plugins have done what they do with them.
      haveOwn ??= routes.some(({ config }) => ownOfRoute(config) !== undefined);
      if (!haveOwn) {
        hooks.general(request, reply, done);
        return;
      }
      let hook: OnRequest;
      try {
        hook = hooks.of(request.routeOptions.config);
      } catch (error) {
        // Those of a route that was added before.
        done(error as Error);
        return;
      }
      hook(request, reply, done);
    });
  });
