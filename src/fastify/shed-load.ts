import { realClock } from "../kernel/clock.js";
import { whenEnded } from "../http/server/ended.js";
import { type Next, passOn } from "../http/server/requests.js";
import { Shedding, type ShedLoadOptions } from "../http/server/shedding.js";
import type { FastifyShedLoadOptions } from "./options.js";
import {
  type FastifyLimitedReply,
  type FastifyLimitedRequest,
  type FastifyLimitedServer,
  type OnRequest,
  ownOf,
  refuseReply,
  withoutScope,
} from "./server.js";

function hookOf(options: ShedLoadOptions<never>): OnRequest {
  const shedding = new Shedding(options);
  const admit = async (request: FastifyLimitedRequest, reply: FastifyLimitedReply): Promise<boolean> => {
    const { raw } = reply;
    const entry = await shedding.enter(
      request,
      (ended) => whenEnded(request.raw, raw, ended),
      () => raw.statusCode,
    );
    if (entry === "full") {
      const refusal = await shedding.refuse(request);
      if (!raw.headersSent) refuseReply(request, reply, refusal, realClock);
    }
    return entry === "served";
  };
  return (request, reply, done) => void passOn(admit(request, reply), done as Next);
}

/**
 * A plugin for Fastify 5 that refuses requests with 503 and `Retry-After` when as many are served as a bulkhead or an adaptive
 * limiter allows and its queue is full, as `shedLoad` of `@kstlib/resilience/http` does: those of all routes of the server or
 * scope in which it is registered. A permit is given back when the response has ended or the client has gone.
 *
 * @throws TypeError or RangeError, at `register`, that names the option when one is missing, unknown or wrong.
 * @example
 * ```ts
 * import { Bulkhead } from "@kstlib/resilience";
 * import fastify from "fastify";
 * import { shedLoad } from "@kstlib/resilience/fastify";
 *
 * const bulkhead = new Bulkhead({ maxConcurrent: 100 });
 * const app = fastify();
 * await app.register(shedLoad, { bulkhead });
 * app.get("/", async () => `${bulkhead.running} under way`);
 * console.assert((await app.inject("/")).body === "1 under way");
 * ```
 */
export const shedLoad: (server: FastifyLimitedServer, options: FastifyShedLoadOptions) => Promise<void> =
  withoutScope(async (server: FastifyLimitedServer, options: FastifyShedLoadOptions) => {
    server.addHook("onRequest", hookOf(ownOf(options)));
  });
