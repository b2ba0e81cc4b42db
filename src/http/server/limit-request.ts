import { Limiting, settleAll } from "./limiting.js";
import { type RateLimitOptions, readRateLimitOptions } from "./options.js";
import { describing } from "./describing.js";
import { responseOf } from "./refuse.js";
import type { Field } from "./response-fields.js";

/** What a web-standard `Request` does not tell. */
export interface RequestInfo {
  /** The address of the connection. Without it, and without `key`, all requests share one bucket. */
  readonly address?: string | undefined;
}

/** What became of a request. */
export interface LimitedRequest {
  /** The answer to a request that is refused; `undefined`: it may go on. */
  readonly refused: Response | undefined;
  /** The fields for the response to a request that may go on; those of a refusal are in it. */
  readonly fields: Field[];
  /**
   * Tells how many tokens the request has really taken, as the option `settle` does; it has an effect if `settle` is given.
   * Never throws.
   */
  settle(used: number): void;
}

/** Limits requests; `Given` is what callbacks of the application get. */
export type LimitRequest<Given> = (request: Given, info?: RequestInfo) => Promise<LimitedRequest>;

/**
 * Limits web-standard requests: `const limit = limitRequest(options)`, then `await limit(request, { address })`, for
 * frameworks that have no middleware here. Options are those of `rateLimit`.
 *
 * @throws TypeError or RangeError that names the option when one is missing, unknown, of the wrong type or out of range.
 * @example
 * ```ts
 * import { limitRequest } from "@kstlib/resilience/http";
 *
 * const limit = limitRequest({ limits: [{ rate: 1, per: "1m" }] });
 * const handle = async (request: Request, address: string) => {
 *   const { refused, fields } = await limit(request, { address });
 *   return refused ?? new Response("hello", { headers: fields });
 * };
 * const request = new Request("http://localhost/");
 * console.assert((await handle(request, "192.0.2.1")).status === 200);
 * console.assert((await handle(request, "192.0.2.1")).status === 429);
 * ```
 */
export function limitRequest(options: RateLimitOptions<Request>): LimitRequest<Request> {
  const settings = readRateLimitOptions("limitRequest", options);
  const limiting = new Limiting<Request>(settings, ({ headers }, name) => headers.get(name) ?? undefined);
  const judge = describing(
    (request: Request, address: string | undefined) => limiting.judgeFrom(request, request, address),
    settings.refusal,
  );
  return async (request, { address } = {}) => {
    const { refusal, fields, reservations } = await judge(request, address);
    const refused = refusal && responseOf(refusal);
    // Copies: those of other requests are partly the same arrays.
    const own = fields.map(([name, value]): Field => [name, value]);
    return { refused, fields: own, settle: (used) => settleAll(reservations, () => used) };
  };
}
