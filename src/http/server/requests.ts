/** What is known of a request under `node:http` and what is built on it. */
export interface NodeRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly socket: { readonly remoteAddress?: string | undefined };
  readonly httpVersionMajor: number;
  /** Whether all of it has come. */
  readonly complete: boolean;
}

/** What is needed of a response under `node:http` and what is built on it. */
export interface NodeResponse {
  statusCode: number;
  readonly headersSent: boolean;
  readonly destroyed: boolean;
  readonly writableFinished: boolean;
  setHeader(name: string, value: string | number): unknown;
  write(chunk: string): unknown;
  end(body?: string): unknown;
  once(event: "close", listener: () => void): unknown;
}

/** Passes a request on to the next handler, or an error to the one for errors. */
export type Next = (error?: unknown) => void;

/** A handler in a row of handlers, for Express, Connect and what works as they do; without `next` for `node:http`. */
export interface Middleware<Request extends NodeRequest, Response extends NodeResponse> {
  (request: Request, response: Response, next: Next): void;
  /** Resolves to whether the request may go on; if not, it has been answered. Rejects where `next` would get an error. */
  (request: Request, response: Response): Promise<boolean>;
}

/** The value of a field: lines of it are one list. */
export function fieldOf({ headers }: Pick<NodeRequest, "headers">, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(",") : value;
}

/** Calls `next` as a promise says. Not within the promise: what the handlers throw is theirs. */
export async function passOn(mayGoOn: PromiseLike<boolean>, next: Next): Promise<void> {
  try {
    if (await mayGoOn) queueMicrotask(() => next());
  } catch (error) {
    queueMicrotask(() => next(error));
  }
}
