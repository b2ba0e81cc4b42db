import { show } from "../../kernel/show.js";
import { isThenable } from "../../kernel/thenable.js";
import type { Eventually } from "./request-limiter.js";

/** What is known of a request under `node:http` and what is built on it. */
export interface NodeRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly socket?: { readonly remoteAddress?: string | undefined } | null | undefined;
  readonly httpVersionMajor: number;
  /** Whether all of it has come. */
  readonly complete: boolean;
}

/** What is needed of a response under `node:http` and what is built on it. */
export interface NodeResponse {
  statusCode: number;
  readonly headersSent: boolean;
  /** Not there under HTTP/2, where {@link stream} tells. */
  readonly destroyed?: boolean | undefined;
  readonly writableEnded: boolean;
  readonly writableFinished: boolean;
  /** Under HTTP/2. */
  readonly stream?: { readonly destroyed: boolean; readonly rstCode?: number | undefined } | undefined;
  setHeader(name: string, value: string | number | readonly string[]): unknown;
  /** In lower case. */
  getHeaderNames(): string[];
  removeHeader(name: string): unknown;
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

/**
 * What was thrown, for the handler of errors. Of a value that is no object, frameworks would believe that there is no error,
 * and let the request through, or that it names a route.
 */
export function errorOf(thrown: unknown): unknown {
  const isObject = typeof thrown === "object" && thrown !== null;
  return isObject ? thrown : new Error(`A callback has thrown ${show(thrown)}.`, { cause: thrown });
}

/** Calls `next` as a promise says. Not within the promise: what the handlers throw is theirs. */
export async function passOn(mayGoOn: PromiseLike<boolean>, next: Next): Promise<void> {
  try {
    if (await mayGoOn) queueMicrotask(() => next());
  } catch (error) {
    queueMicrotask(() => next(errorOf(error)));
  }
}

/**
 * Makes a handler in a row of handlers: `obey` does what `judge` says, at once where that is known at once, and returns whether the
 * request may go on. What either throws or rejects with is for the handler of errors.
 */
export function handler<Request, Response, Verdict>(
  judge: (request: Request) => Eventually<Verdict>,
  obey: (request: Request, response: Response, verdict: Verdict) => boolean,
): (request: Request, response: Response, next: Next) => void {
  const obeyed = async (
    request: Request,
    response: Response,
    verdict: PromiseLike<Verdict>,
  ): Promise<boolean> => obey(request, response, await verdict);

  return (request, response, next) => {
    let verdict: Eventually<Verdict>;
    let mayGoOn = false;
    try {
      verdict = judge(request);
      if (!isThenable(verdict)) mayGoOn = obey(request, response, verdict);
    } catch (error) {
      next(errorOf(error));
      return;
    }
    if (isThenable(verdict)) void passOn(obeyed(request, response, verdict), next);
    else if (mayGoOn) next();
  };
}
