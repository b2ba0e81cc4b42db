import type { Reading } from "./body.js";
import type { DispatchController, DispatchHandler, ResponseHeaders } from "./dispatching.js";
import type { Answer } from "./obedience.js";

/** Where the response of an attempt goes, once it is the one that the caller gets. */
export interface Receiver {
  readonly handler: DispatchHandler;
  readonly controller: DispatchController;
}

/** Why a response is not read. */
const UNWANTED = "another attempt is made, so nobody reads this response";

/** One attempt at a request of undici; its response waits until it is known to be the last one. */
export class DispatchAttempt implements DispatchHandler, Reading, Answer {
  status = 0;
  headers: Answer["headers"] = { get: () => null };
  /** As undici gives them. */
  given: ResponseHeaders = {};
  message: string | undefined;
  controller: DispatchController | undefined;
  readonly #begun: (attempt: DispatchAttempt, context: unknown) => void;
  readonly #received: (attempt: DispatchAttempt) => void;
  readonly #lost: (reason: unknown) => void;
  readonly #informed: Receiver;
  #receiver: Receiver | undefined;
  #over: (() => void) | undefined;
  #abortedBy: { readonly reason: unknown } | undefined;
  /** What has come and waits: undici's HTTP/2 may not pause at once. */
  #waiting: (() => void)[] = [];
  #isOver = false;

  constructor(
    informed: Receiver,
    begun: (attempt: DispatchAttempt, context: unknown) => void,
    received: (attempt: DispatchAttempt) => void,
    lost: (reason: unknown) => void,
  ) {
    this.#informed = informed;
    this.#begun = begun;
    this.#received = received;
    this.#lost = lost;
  }

  /** Hands the response, and what comes of it, to the caller. */
  deliver(receiver: Receiver): void {
    this.#receiver = receiver;
    const { handler, controller } = receiver;
    if (this.status >= 200) handler.onResponseStart?.(controller, this.status, this.given, this.message);
    for (const come of this.#waiting.splice(0)) come();
    if (!controller.paused) this.controller?.resume();
  }

  abort(reason: unknown): void {
    this.#abortedBy ??= { reason };
    this.controller?.abort(reason);
  }

  whenOver(_response: object, run: () => void): boolean {
    if (this.#isOver) return false;
    this.#over = run;
    return true;
  }

  discard(): void {
    if (!this.#isOver && this.#receiver === undefined) this.abort(new Error(UNWANTED));
  }

  onRequestStart(controller: DispatchController, context: unknown): void {
    this.controller = controller;
    if (this.#abortedBy === undefined) this.#begun(this, context);
    else controller.abort(this.#abortedBy.reason);
  }

  onRequestUpgrade(
    _controller: DispatchController,
    status: number,
    headers: ResponseHeaders,
    socket: unknown,
  ): void {
    const { handler, controller } = this.#informed;
    this.#isOver = true;
    handler.onRequestUpgrade?.(controller, status, headers, socket);
    this.#received(this);
  }

  onResponseStart(
    controller: DispatchController,
    status: number,
    headers: ResponseHeaders,
    message?: string,
  ): void {
    if (status < 200) {
      this.#informed.handler.onResponseStart?.(this.#informed.controller, status, headers, message);
      return;
    }
    this.status = status;
    this.given = headers;
    this.message = message;
    this.headers = { get: (name) => [headers[name] ?? []].flat().join(", ") || null };
    controller.pause();
    this.#received(this);
  }

  onResponseData(_controller: DispatchController, chunk: unknown): void {
    this.#pass(({ handler, controller }) => handler.onResponseData?.(controller, chunk));
  }

  onResponseEnd(_controller: DispatchController, trailers: ResponseHeaders): void {
    this.#end();
    this.#pass(({ handler, controller }) => handler.onResponseEnd?.(controller, trailers));
  }

  onResponseError(_controller: DispatchController, error: unknown): void {
    this.#end();
    if (this.status === 0) this.#lost(error);
    else this.#pass(({ handler, controller }) => handler.onResponseError?.(controller, error));
  }

  #pass(come: (receiver: Receiver) => void): void {
    if (this.#receiver !== undefined) come(this.#receiver);
    else if (this.#abortedBy === undefined) this.#waiting.push(() => this.#receiver && come(this.#receiver));
  }

  #end(): void {
    this.#isOver = true;
    this.#over?.();
  }
}
