import { isScope, onAbort } from "../../kernel/abort.js";
import type { Context, ExecutionContext } from "../../kernel/context.js";
import { LONGEST } from "./allowance.js";
import { discard, fetchedWith } from "./body.js";
import { HttpStatusError, isFailed } from "./errors.js";
import type { Fetch, HttpClientSettings } from "./options.js";
import { isTransient, type Verdicts } from "./repeatable.js";
import type { RequestFacts } from "./request.js";

/** One call, with all its attempts. */
export class FetchCall {
  readonly #request: RequestFacts;
  readonly #settings: HttpClientSettings;
  readonly #fetch: Fetch;
  readonly #verdicts: Verdicts;
  /** Whether the request may be sent twice. */
  readonly mayRepeat: boolean;
  /** All that have come, so that none is left unread that the caller does not get. */
  readonly #responses: Response[] = [];
  #isOver = false;

  constructor(request: RequestFacts, settings: HttpClientSettings, fetch: Fetch, verdicts: Verdicts) {
    this.#request = request;
    this.#settings = settings;
    this.#fetch = fetch;
    this.#verdicts = verdicts;
    this.mayRepeat =
      request.isReplayable && (settings.retryMethods.has(request.method) || request.hasIdempotencyKey());
  }

  /** Sends the request once. It declares no parameter, for which a context would cost more. */
  readonly attempt = (...[context]: [ExecutionContext]): Promise<Response> => {
    const { source } = context as Context;
    // A signal of the caller ends the reading of the body as well, without our help.
    if (source === undefined || !isScope(source)) return this.#send(source, undefined, undefined);
    const controller = new AbortController();
    const leave = onAbort(source, () => {
      // The policy that ends this attempt throws its reason.
      this.#failed(source.reason);
      controller.abort(source.reason);
    });
    return this.#send(controller.signal, controller, leave);
  };

  /** The caller gets this; other responses are not needed. */
  end(result: unknown): void {
    this.#isOver = true;
    this.#request.end?.();
    for (const response of this.#responses) if (response !== result) discard(response);
  }

  #send(
    signal: AbortSignal | undefined,
    controller: AbortController | undefined,
    leave: (() => void) | undefined,
  ): Promise<Response> {
    const received = (response: Response): Response => {
      leave?.();
      if (controller !== undefined) fetchedWith(response, controller);
      this.#responses.push(response);
      // It comes too late.
      if (this.#isOver) discard(response);
      return response.status < 400 ? response : this.#judged(response);
    };
    const lost = (reason: unknown): never => {
      leave?.();
      throw this.#failed(reason);
    };
    try {
      const fetch = this.#fetch;
      return fetch(...this.#request.argumentsOf(signal)).then(received, lost);
    } catch (error) {
      return lost(error);
    }
  }

  /** Notes for the retry whether the attempt that has failed with `reason` may be repeated. */
  #failed(reason: unknown): object {
    const error =
      typeof reason === "object" && reason !== null
        ? reason
        : new TypeError(`fetch failed: ${String(reason)}`, { cause: reason });
    this.#verdicts.set(error, this.mayRepeat, isTransient(error));
    return error;
  }

  /** Returns a response, or throws it as an error for the policies. */
  #judged(response: Response): Response {
    const { status } = response;
    const isListed = this.#settings.retryStatuses.has(status);
    // By a 429 the server says that it has done nothing.
    const isRepeatable = status === 429 ? this.#request.isReplayable : this.mayRepeat;
    if (!isFailed(status)) {
      if (isListed) this.#verdicts.set(response, isRepeatable, true);
      return response;
    }
    const error = new HttpStatusError(status, this.#request.origin, response);
    const { retryAfter = 0 } = error;
    this.#verdicts.set(error, isRepeatable, isListed && retryAfter * 1000 <= LONGEST);
    throw error;
  }
}
