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
  end?(): void;
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
  const request = isRequest(input) ? input : undefined;
  const origin = originOf(isRequest(input) ? input.url : String(input));
  if (origin === undefined) return undefined;
  // As `fetch` does with what is no text.
  const given: unknown = init?.method ?? request?.method ?? "GET";
  const method = String(given).toUpperCase();
  // A caller may use the same object for its next call, while this one is repeated.
  const kept = mayRepeat && init !== undefined ? { ...init } : init;
  const own = init?.body ?? undefined;
  const signal = (init?.signal === undefined ? request?.signal : init.signal) ?? undefined;
  const headers = init?.headers ?? request?.headers;
  const isSentByRequest = request !== undefined && own === undefined && request.body !== null;
  // A copy shares the body with the original, so that another can be made of that.
  const copies = isSentByRequest && mayRepeat && !request.bodyUsed;
  return {
    origin,
    method,
    signal,
    isReplayable: isSentByRequest ? copies : !isStream(own),
    hasIdempotencyKey: () => headers !== undefined && new Headers(headers).has("idempotency-key"),
    argumentsOf: (ending) => [
      copies ? request.clone() : input,
      ending === undefined ? kept : { ...kept, signal: ending },
    ],
    ...(copies && {
      end() {
        // As after `fetch`, it is used; and what was kept for another attempt is let go.
        if (!request.bodyUsed) request.body?.cancel().catch(() => {});
      },
    }),
  };
}
