import type { Fetch } from "./options.js";

type Input = Parameters<Fetch>[0];
type Init = NonNullable<Parameters<Fetch>[1]>;

/** What a client needs to know about a request. */
export interface RequestFacts {
  readonly origin: string;
  /** In upper case. */
  readonly method: string;
  /** Whether its body can be sent again. */
  readonly isReplayable: boolean;
  /** Whether the caller has said that it has no further effect when it is sent again. */
  hasIdempotencyKey(): boolean;
}

/** A request of `fetch`. */
export interface FetchRequest extends RequestFacts {
  /** Aborts the call. */
  readonly signal: AbortSignal | undefined;
  /** The arguments of `fetch` for an attempt. */
  argumentsOf(signal: AbortSignal | undefined): Parameters<Fetch>;
  /** No other attempt follows. */
  end(): void;
}

function isRequest(input: Input | null): input is Request {
  return typeof input === "object" && input !== null && "method" in input && "url" in input;
}

/** A body that is read once: of the web or of Node. Everything else `fetch` reads anew each time. */
function isStream(body: unknown): boolean {
  return typeof body === "object" && body !== null && ("getReader" in body || Symbol.asyncIterator in body);
}

const HTTP = /^https?:$/;

/** The origin of the last URL: most calls go to the one of the call before. */
let last = { prefix: " ", origin: "" };

/** The part of an URL before its path, when it is written as it is usual. */
const USUAL = /^https?:\/\/[a-z0-9.-]+(?::\d+)?(?=[/?#]|$)/;

/** The origin of a URL of HTTP; `undefined` of any other, and of what is none. */
export function originOf(url: string): string | undefined {
  if (url.startsWith(last.prefix) && "/?#".includes(url[last.prefix.length] ?? "/")) return last.origin;
  if (!URL.canParse(url)) return undefined;
  const { origin, protocol } = new URL(url);
  if (!HTTP.test(protocol)) return undefined;
  const prefix = USUAL.exec(url)?.[0];
  if (prefix !== undefined) last = { prefix, origin };
  return origin;
}

class ReadRequest implements FetchRequest {
  readonly origin: string;
  readonly method: string;
  readonly signal: AbortSignal | undefined;
  readonly isReplayable: boolean;
  readonly #input: Input;
  readonly #init: Init | undefined;
  readonly #headers: Init["headers"];
  /** The one of which each attempt gets a copy: a copy shares the body with the original, so that another can be made. */
  readonly #original: Request | undefined;

  constructor(origin: string, input: Input, init: Init | undefined, mayRepeat: boolean) {
    const request = isRequest(input) ? input : undefined;
    const body = init?.body ?? undefined;
    // As `fetch` does with what is no text.
    const method: unknown = init?.method ?? request?.method ?? "GET";
    this.origin = origin;
    // To make a text upper case takes longer than all of this.
    this.method = method === "GET" ? method : String(method).toUpperCase();
    this.signal = (init?.signal === undefined ? request?.signal : init.signal) ?? undefined;
    const isSentByRequest = request !== undefined && body === undefined && request.body !== null;
    this.#original = isSentByRequest && mayRepeat && !request.bodyUsed ? request : undefined;
    this.isReplayable = isSentByRequest ? this.#original !== undefined : !isStream(body);
    this.#input = input;
    // A caller may use the same object for its next call, while this one is repeated.
    this.#init = mayRepeat && init !== undefined ? { ...init } : init;
    this.#headers = init?.headers ?? request?.headers;
  }

  hasIdempotencyKey(): boolean {
    return this.#headers !== undefined && new Headers(this.#headers).has("idempotency-key");
  }

  argumentsOf(signal: AbortSignal | undefined): Parameters<Fetch> {
    const init = this.#init;
    return [this.#original?.clone() ?? this.#input, signal === undefined ? init : { ...init, signal }];
  }

  end(): void {
    const original = this.#original;
    // As after `fetch`, it is used; and what was kept for another attempt is let go.
    if (original !== undefined && !original.bodyUsed) original.body?.cancel().catch(() => {});
  }
}

/**
 * Reads the arguments of `fetch`; `undefined` for those that lead to no server: a URL that is none, or of `data:` and such.
 *
 * @param mayRepeat whether there may be several attempts.
 */
export function readRequest(
  input: Input,
  init: Init | undefined,
  mayRepeat: boolean,
): FetchRequest | undefined {
  const url = typeof input === "string" ? input : isRequest(input) ? input.url : String(input);
  const origin = originOf(url);
  return origin === undefined ? undefined : new ReadRequest(origin, input, init, mayRepeat);
}
