import { onAbort } from "../../kernel/abort.js";
import type { Context, ExecutionContext } from "../../kernel/context.js";
import { Scope } from "../../kernel/scope.js";
import { readBy } from "./body.js";
import { Call } from "./call.js";
import { DispatchAttempt } from "./dispatch-attempt.js";
import type { Dispatch, DispatchController, DispatchHandler, DispatchOptions } from "./dispatching.js";
import type { HttpClientSettings } from "./options.js";
import type { Verdicts } from "./repeatable.js";
import type { RequestFacts } from "./request.js";

/** A request of undici. To its caller it is one, whatever number of attempts there are: it is their controller. */
export class DispatchCall extends Call<DispatchAttempt> implements DispatchController {
  /** Aborted when the caller aborts the request. */
  readonly scope: Scope = new Scope();
  readonly #options: DispatchOptions;
  readonly #dispatch: Dispatch;
  readonly #handler: DispatchHandler;
  /** What attempts tell of theirs goes into it, such as the history of redirections. */
  readonly #context: object = {};
  #current: DispatchAttempt | undefined;
  #isPaused = false;

  constructor(
    options: DispatchOptions,
    handler: DispatchHandler,
    dispatch: Dispatch,
    facts: RequestFacts,
    settings: HttpClientSettings,
    verdicts: Verdicts,
  ) {
    super(facts, settings, verdicts);
    this.#options = options;
    this.#handler = handler;
    this.#dispatch = dispatch;
  }

  /** Before anything is sent, as it is only now that the caller can abort the request. */
  start(): void {
    this.#handler.onRequestStart?.(this, this.#context);
  }

  /** Sends the request once. It declares no parameter, for which a context would cost more. */
  readonly attempt = (...[context]: [ExecutionContext]): Promise<DispatchAttempt> => {
    const source = (context as Context).source ?? this.scope;
    return new Promise((resolve, reject) => {
      const lost = (reason: unknown): void => {
        leave();
        reject(this.failed(reason));
      };
      const received = (attempt: DispatchAttempt): void => {
        leave();
        readBy(attempt, attempt, this.origin);
        try {
          resolve(this.received(attempt, attempt.status));
        } catch (error) {
          reject(error);
        }
      };
      const informed = { handler: this.#handler, controller: this };
      const begun = (started: DispatchAttempt, given: unknown): void => this.#begun(started, given);
      const attempt = new DispatchAttempt(informed, begun, received, lost);
      const leave = onAbort(source, () => {
        // The policy that ends this attempt throws its reason.
        this.failed(source.reason);
        attempt.abort(source.reason);
      });
      try {
        this.#dispatch(this.#options, attempt);
      } catch (error) {
        lost(error);
      }
    });
  };

  /** The caller gets this response. */
  deliver(attempt: DispatchAttempt): void {
    this.#current = attempt;
    attempt.deliver({ handler: this.#handler, controller: this });
  }

  /** The caller gets this error. */
  fail(error: unknown): void {
    this.#handler.onResponseError?.(this, error);
  }

  get aborted(): boolean {
    return this.scope.aborted;
  }

  get reason(): unknown {
    return this.scope.reason ?? null;
  }

  get paused(): boolean {
    return this.#isPaused;
  }

  get rawHeaders(): unknown {
    return this.#current?.controller?.rawHeaders;
  }

  get rawTrailers(): unknown {
    return this.#current?.controller?.rawTrailers;
  }

  abort(reason: unknown): void {
    this.scope.abort(reason);
    this.#current?.abort(reason);
  }

  pause(): void {
    this.#isPaused = true;
    this.#current?.controller?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#current?.controller?.resume();
  }

  #begun(attempt: DispatchAttempt, context: unknown): void {
    this.#current = attempt;
    Object.assign(this.#context, context);
  }
}
