import { discard } from "./body.js";
import { HttpStatusError, isFailed } from "./errors.js";
import type { Answer } from "./obedience.js";
import type { HttpClientSettings } from "./options.js";
import { isTransient, type Verdicts } from "./repeatable.js";
import type { RequestFacts } from "./request.js";
import { LONGEST } from "./told-quota.js";

/** One call, with all its attempts: what may be repeated, and which responses the caller does not get. */
export abstract class Call<Response extends Answer> {
  readonly #facts: RequestFacts;
  readonly #settings: HttpClientSettings;
  readonly #verdicts: Verdicts;
  /** Whether the request may be sent twice. */
  readonly mayRepeat: boolean;
  readonly #responses: Response[] = [];
  #isOver = false;

  constructor(facts: RequestFacts, settings: HttpClientSettings, verdicts: Verdicts) {
    this.#facts = facts;
    this.#settings = settings;
    this.#verdicts = verdicts;
    this.mayRepeat =
      facts.isReplayable && (settings.retryMethods.has(facts.method) || facts.hasIdempotencyKey());
  }

  protected get origin(): string {
    return this.#facts.origin;
  }

  /** The caller gets this; other responses are not needed. */
  end(result: unknown): void {
    this.#isOver = true;
    for (const response of this.#responses) if (response !== result) discard(response);
  }

  /** Notes for the retry whether the attempt that has failed with `reason` may be repeated. */
  protected failed(reason: unknown): object {
    const error =
      typeof reason === "object" && reason !== null
        ? reason
        : new TypeError(`fetch failed: ${String(reason)}`, { cause: reason });
    this.#verdicts.set(error, this.mayRepeat, isTransient(error));
    return error;
  }

  /** Returns a response, or throws it as an error for the policies. */
  protected received(response: Response, status: number): Response {
    this.#responses.push(response);
    // It comes too late.
    if (this.#isOver) discard(response);
    return status < 400 ? response : this.#judged(response, status);
  }

  #judged(response: Response, status: number): Response {
    const isListed = this.#settings.retryStatuses.has(status);
    // By a 429 the server says that it has done nothing.
    const isRepeatable = status === 429 ? this.#facts.isReplayable : this.mayRepeat;
    if (!isFailed(status)) {
      if (isListed) this.#verdicts.set(response, isRepeatable, true);
      return response;
    }
    const error = new HttpStatusError(status, this.#facts.origin, response);
    const { retryAfter = 0 } = error;
    this.#verdicts.set(error, isRepeatable, isListed && retryAfter * 1000 <= LONGEST);
    throw error;
  }
}
