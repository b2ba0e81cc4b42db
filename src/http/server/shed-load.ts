import { realClock } from "../../kernel/clock.js";
import { whenEnded } from "./ended.js";
import { refuse } from "./refuse.js";
import { type Middleware, type Next, type NodeRequest, type NodeResponse, passOn } from "./requests.js";
import { Shedding, type ShedLoadOptions } from "./shedding.js";

/**
 * Makes a middleware that refuses requests with 503 and `Retry-After` when as many are served as the bulkhead or the
 * adaptive limiter allows and its queue is full. A permit is given back when the response has ended or the client has gone.
 *
 * @throws TypeError or RangeError that names the option when one is missing, unknown, of the wrong type or out of range.
 * @example
 * ```ts
 * import { Bulkhead } from "@kstlib/resilience";
 * import http from "node:http";
 * import { shedLoad } from "@kstlib/resilience/http";
 *
 * const shed = shedLoad({ bulkhead: new Bulkhead({ maxConcurrent: 100 }) });
 * const server = http.createServer(async (request, response) => {
 *   if (await shed(request, response)) response.end("hello");
 * });
 * ```
 */
export function shedLoad<
  Request extends NodeRequest = NodeRequest,
  Response extends NodeResponse = NodeResponse,
>(options: ShedLoadOptions<Request>): Middleware<Request, Response> {
  const shedding = new Shedding(options);

  const admit = async (request: Request, response: Response): Promise<boolean> => {
    const entry = await shedding.enter(
      request,
      (ended) => whenEnded(request, response, ended),
      () => response.statusCode,
    );
    if (entry === "full") {
      const refusal = await shedding.refuse(request);
      if (!response.headersSent) refuse(request, response, refusal, realClock);
    }
    return entry === "served";
  };
  const withNext = (request: Request, response: Response, next: Next): void => {
    void passOn(admit(request, response), next);
  };
  return ((request: Request, response: Response, next?: Next): void | Promise<boolean> =>
    next === undefined ? admit(request, response) : withNext(request, response, next)) as Middleware<
    Request,
    Response
  >;
}
