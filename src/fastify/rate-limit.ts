import { Limiting, settleAll, type Verdict } from "../http/server/limiting.js";
import { type RateLimitOptions, readRateLimitOptions } from "../http/server/options.js";
import type { Eventually } from "../http/server/request-limiter.js";
import { PROBLEM_TYPE } from "../http/server/problem.js";
import { isLong, refuse } from "../http/server/refuse.js";
import { whenEnded } from "../http/server/ended.js";
import {
  errorOf,
  fieldOf,
  type Next,
  type NodeRequest,
  type NodeResponse,
  passOn,
} from "../http/server/requests.js";
import { isThenable } from "../kernel/thenable.js";

/** What is needed of Fastify's request. */
export interface FastifyLimitedRequest {
  readonly raw: NodeRequest;
}

/** What is needed of Fastify's reply. */
export interface FastifyLimitedReply {
  readonly raw: NodeResponse;
  code(status: number): unknown;
  header(name: string, value: string): unknown;
  getHeaders(): Readonly<Record<string, number | string | string[] | undefined>>;
  send(body: string): unknown;
  hijack(): unknown;
}

type Done = (error?: Error) => void;

/** What is needed of a Fastify server. */
export interface FastifyLimitedServer {
  addHook(
    name: "onRequest",
    hook: (request: FastifyLimitedRequest, reply: FastifyLimitedReply, done: Done) => void,
  ): unknown;
}

/** Options that `register` has for every plugin. */
interface RegisterOptions {
  readonly prefix?: string | undefined;
  readonly logLevel?: unknown;
  readonly logSerializers?: unknown;
}

/** A plugin that is registered without a scope of its own, as `fastify-plugin` makes them. */
function withoutScope<Plugin extends object>(plugin: Plugin): Plugin {
  return Object.assign(plugin, {
    [Symbol.for("skip-override")]: true,
    [Symbol.for("fastify.display-name")]: "@kstlib/resilience/fastify",
  });
}

function hookOf(options: RateLimitOptions & RegisterOptions) {
  const { prefix: _prefix, logLevel: _level, logSerializers: _serializers, ...own } = options;
  const settings = readRateLimitOptions("rateLimit", own);
  const limiting = new Limiting(settings, fieldOf);
  const { settle, clock } = settings;

  const answer = (request: FastifyLimitedRequest, reply: FastifyLimitedReply, verdict: Verdict): boolean => {
    const { status, fields, body, reservations } = verdict;
    if (status !== undefined && isLong(request.raw)) {
      reply.hijack();
      // What other plugins have set, such as for requests from other origins.
      for (const [name, value] of Object.entries(reply.getHeaders())) {
        if (value !== undefined) reply.raw.setHeader(name, value);
      }
      refuse(request.raw, reply.raw, { status, fields, body }, clock);
      return false;
    }
    for (const [name, value] of fields) reply.header(name, value);
    if (status !== undefined) {
      reply.code(status);
      reply.header("Content-Type", PROBLEM_TYPE);
      reply.send(body);
      return false;
    }
    if (settle !== undefined && reservations.length > 0) {
      whenEnded(request.raw, reply.raw, () => settleAll(reservations, () => settle(request, reply)));
    }
    return true;
  };

  const judge = (request: FastifyLimitedRequest): Eventually<Verdict> =>
    limiting.judge({ request, address: request.raw.socket?.remoteAddress, source: request.raw });
  const answered = async (
    request: FastifyLimitedRequest,
    reply: FastifyLimitedReply,
    verdict: Eventually<Verdict>,
  ): Promise<boolean> => answer(request, reply, await verdict);

  return (request: FastifyLimitedRequest, reply: FastifyLimitedReply, done: Done): void => {
    let verdict: Eventually<Verdict>;
    let mayGoOn = false;
    try {
      verdict = judge(request);
      if (!isThenable(verdict)) mayGoOn = answer(request, reply, verdict);
    } catch (error) {
      done(errorOf(error) as Error);
      return;
    }
    if (isThenable(verdict)) void passOn(answered(request, reply, verdict), done as Next);
    else if (mayGoOn) done();
  };
}

/**
 * A plugin for Fastify 5 that limits the rate of each client's requests, as `rateLimit` of `@kstlib/resilience/http` does:
 * those of all routes of the server or scope in which it is registered, before their bodies are read. Callbacks get
 * Fastify's request and reply.
 *
 * @throws TypeError or RangeError, at `register`, that names the option when one is missing, unknown or wrong.
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
export const rateLimit: <
  Request extends FastifyLimitedRequest = FastifyLimitedRequest,
  Reply extends FastifyLimitedReply = FastifyLimitedReply,
>(
  server: FastifyLimitedServer,
  options: RateLimitOptions<Request, Reply>,
) => Promise<void> = withoutScope(async (server: FastifyLimitedServer, options: object) => {
  server.addHook("onRequest", hookOf(options));
});
