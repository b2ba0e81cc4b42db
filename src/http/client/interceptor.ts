import { throwIfAborted } from "../../kernel/abort.js";
import { Context } from "../../kernel/context.js";
import { whileRead } from "./body.js";
import type { HttpClient } from "./client.js";
import { DispatchCall } from "./dispatch-call.js";
import type { DispatchAttempt } from "./dispatch-attempt.js";
import {
  type Dispatch,
  type DispatchHandler,
  type DispatchOptions,
  hasIdempotencyKey,
  isReplayable,
} from "./dispatching.js";
import { HttpStatusError, withOrigin } from "./errors.js";
import { asClient, Hosts } from "./hosts.js";
import { type HttpClientOptions, readOptions, type ResilientFetchOptions } from "./options.js";
import { Verdicts } from "./repeatable.js";
import { originOf } from "./request.js";

/** Options of `resilienceInterceptor`: as of `resilientFetch`, without a fallback, which could give no response. */
export interface ResilienceInterceptorOptions
  extends HttpClientOptions, Omit<ResilientFetchOptions, keyof HttpClientOptions | "fallback" | "fetch"> {}

/** An interceptor for `compose` of undici's dispatchers. */
export interface ResilienceInterceptor extends HttpClient {
  <AnyDispatch>(dispatch: AnyDispatch): AnyDispatch;
}

/**
 * `resilientFetch` for the dispatchers of undici 7 and later: `new Agent().compose(resilienceInterceptor(options))`.
 * Requests that are upgraded are not repeated.
 *
 * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range.
 * @example
 * ```ts no-check: undici is a peer
 * import { Agent, request } from "undici";
 * import { resilienceInterceptor } from "@kstlib/resilience/http";
 *
 * const dispatcher = new Agent().compose(
 *   resilienceInterceptor({ retry: { attempts: 3 }, circuitBreaker: true, timeout: "2s" }),
 * );
 * const { statusCode, body } = await request("https://api.example.com/orders/1", { dispatcher });
 * ```
 */
export function resilienceInterceptor(options: ResilienceInterceptorOptions = {}): ResilienceInterceptor {
  const { settings, parts, fetch } = readOptions("resilienceInterceptor", options);
  for (const [key, value] of Object.entries({ fetch, fallback: parts.fallback })) {
    if (value !== undefined)
      throw new TypeError(`resilienceInterceptor has no option ${key}: use resilientFetch.`);
  }
  const verdicts = new Verdicts();
  const hosts = new Hosts("resilienceInterceptor", settings, parts, verdicts);
  const covers = parts.totalTimeout !== undefined;

  const run = async (call: DispatchCall, origin: string): Promise<void> => {
    const host = hosts.get(origin);
    const policies = call.mayRepeat ? host.pipeline : host.plain;
    let result: unknown;
    host.running++;
    try {
      call.start();
      throwIfAborted(call.scope);
      result = await policies.execute(call.attempt, new Context(call.scope));
    } catch (reason) {
      if (!(reason instanceof HttpStatusError)) {
        call.end(undefined);
        call.fail(withOrigin(reason, origin));
        return;
      }
      result = reason.response;
    } finally {
      host.running--;
    }
    const attempt = result as DispatchAttempt;
    call.end(attempt);
    if (!covers) whileRead(attempt, call.scope);
    try {
      call.deliver(attempt);
    } catch (error) {
      // As undici does when what it calls throws.
      attempt.abort(error);
    }
  };

  let pools = 0;
  const intercepted = (dispatch: Dispatch): Dispatch => {
    // Requests of a Pool or a Client go to its origin without naming it, and which it is cannot be seen from here.
    let pool: string | undefined;
    return (given: DispatchOptions, handler: DispatchHandler) => {
      const origin = given.origin ? originOf(String(given.origin)) : (pool ??= `pool ${++pools}`);
      if (origin === undefined) return dispatch(given, handler);
      const facts = {
        origin,
        method: given.method.toUpperCase(),
        isReplayable: isReplayable(given.body),
        hasIdempotencyKey: () => hasIdempotencyKey(given.headers),
      };
      void run(new DispatchCall(given, handler, dispatch, facts, settings, verdicts), origin);
      return true;
    };
  };
  // Of undici's type nothing is known here, so that none of its types is needed.
  const intercept = <AnyDispatch>(dispatch: AnyDispatch): AnyDispatch =>
    intercepted(dispatch as Dispatch) as AnyDispatch;
  return asClient(intercept, settings.name, hosts);
}
