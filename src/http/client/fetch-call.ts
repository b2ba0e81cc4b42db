import { isScope, onAbort } from "../../kernel/abort.js";
import type { Context, ExecutionContext } from "../../kernel/context.js";
import { unlike } from "../../kernel/show.js";
import { readBy, StreamReading } from "./body.js";
import { Call } from "./call.js";
import type { Fetch, HttpClientSettings } from "./options.js";
import type { Verdicts } from "./repeatable.js";
import type { FetchRequest } from "./request.js";

/** A call of `fetch`. */
export class FetchCall extends Call<Response> {
  readonly #request: FetchRequest;
  readonly #fetch: Fetch;
  readonly #isReadUnder: boolean;

  /** @param isReadUnder whether something may end the reading of the body. */
  constructor(
    request: FetchRequest,
    settings: HttpClientSettings,
    fetch: Fetch,
    verdicts: Verdicts,
    isReadUnder: boolean,
  ) {
    super(request, settings, verdicts);
    this.#isReadUnder = isReadUnder;
    this.#request = request;
    this.#fetch = fetch;
  }

  /** Sends the request once. It declares no parameter, for which a context would cost more. */
  readonly attempt = (...[context]: [ExecutionContext]): Promise<Response> => {
    const { source } = context as Context;
    // A signal of the caller ends the reading of the body as well, without our help.
    if (source === undefined || !isScope(source)) return this.#send(source, undefined, undefined);
    // What policies end an attempt for is worth another one, which need not be noted; and nothing ends the reading.
    if (this.mayRepeat && !this.#isReadUnder) return this.#send(source.signal, undefined, undefined);
    const controller = new AbortController();
    const leave = onAbort(source, () => {
      // The policy that ends this attempt throws its reason.
      this.failed(source.reason);
      controller.abort(source.reason);
    });
    return this.#send(controller.signal, controller, leave);
  };

  override end(result: unknown): void {
    super.end(result);
    this.#request.end();
  }

  #send(
    signal: AbortSignal | undefined,
    controller: AbortController | undefined,
    leave: (() => void) | undefined,
  ): Promise<Response> {
    const received = (response: Response): Response => {
      leave?.();
      // Of a `fetch` of the application: a client that goes on would fail elsewhere.
      const status: unknown = (response as Partial<Response> | null | undefined)?.status;
      if (typeof status !== "number") {
        const message = unlike("what fetch gives", "a Response", response);
        throw this.failed(Object.assign(new TypeError(message), { code: "ERR_INVALID_RETURN_VALUE" }));
      }
      if (controller !== undefined && this.#isReadUnder)
        readBy(response, new StreamReading(controller), this.origin);
      // Read once: to read it takes longer than to decide by it.
      return this.received(response, status);
    };
    const lost = (reason: unknown): never => {
      leave?.();
      throw this.failed(reason);
    };
    try {
      const fetch = this.#fetch;
      const given: Promise<Response> = fetch(...this.#request.argumentsOf(signal));
      return Promise.resolve(given).then(received, lost);
    } catch (error) {
      return lost(error);
    }
  }
}
