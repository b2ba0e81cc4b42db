// What an interceptor needs to know of undici, of which nothing is imported.

/** The headers of a request, as undici takes them: an object, a flat list, or pairs. */
export type RequestHeaders = Readonly<Record<string, unknown>> | Iterable<unknown> | null | undefined;

export interface DispatchOptions {
  readonly origin?: string | URL | undefined;
  readonly method: string;
  readonly headers?: RequestHeaders;
  readonly body?: unknown;
}

export interface DispatchController {
  readonly aborted: boolean;
  readonly paused: boolean;
  readonly reason: unknown;
  rawHeaders?: unknown;
  rawTrailers?: unknown;
  abort(reason: unknown): void;
  pause(): void;
  resume(): void;
}

export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

export interface DispatchHandler {
  onRequestStart?(controller: DispatchController, context: unknown): void;
  onRequestUpgrade?(
    controller: DispatchController,
    status: number,
    headers: ResponseHeaders,
    socket: unknown,
  ): void;
  onResponseStart?(
    controller: DispatchController,
    status: number,
    headers: ResponseHeaders,
    message?: string,
  ): void;
  onResponseData?(controller: DispatchController, chunk: unknown): void;
  onResponseEnd?(controller: DispatchController, trailers: ResponseHeaders): void;
  onResponseError?(controller: DispatchController, error: unknown): void;
}

export type Dispatch = (options: DispatchOptions, handler: DispatchHandler) => boolean;

/** Whether the request has an `Idempotency-Key`. */
export function hasIdempotencyKey(headers: RequestHeaders): boolean {
  if (headers === null || headers === undefined) return false;
  const isKey = (name: unknown): boolean => String(name).toLowerCase() === "idempotency-key";
  if (Array.isArray(headers) && !headers.some((each) => Array.isArray(each)))
    return headers.some((name: unknown, index) => index % 2 === 0 && isKey(name));
  if (Symbol.iterator in headers)
    return [...(headers as Iterable<unknown>)].some((pair) => isKey(Reflect.get(Object(pair), 0)));
  return Object.keys(headers).some(isKey);
}

const BODIES: ReadonlySet<string> = new Set(["Blob", "File", "FormData", "ArrayBuffer"]);

/** Whether a body can be sent again: undici reads any other, such as a stream or a generator, once. */
export function isReplayable(body: unknown): boolean {
  if (body === null || body === undefined || typeof body === "string" || ArrayBuffer.isView(body))
    return true;
  return BODIES.has(Object.prototype.toString.call(body).slice("[object ".length, -1));
}
