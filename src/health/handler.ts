import { resolveOptions } from "../kernel/options.js";
import { type HealthBody, jsonBody, plain, textBody } from "./body.js";
import { handlerRules, type HealthHandlerOptions } from "./options.js";
import type { HealthProbe, HealthReport } from "./report.js";

/** What a {@link HealthHandler} reads of a request from node:http, https, http2 or a framework based on them. */
export interface HealthRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly httpVersionMajor: number;
}

/** What a {@link HealthHandler} needs of a response. */
export interface HealthResponse {
  readonly headersSent: boolean;
  readonly writableEnded: boolean;
  writeHead(status: number, headers: Record<string, string>): unknown;
  end(text: string): unknown;
}

/**
 * Answers the health paths and returns whether it answered. Any other path goes to `next`, or is answered with 404 if there
 * is no `next`. So it can be the whole server, or stand before an application.
 */
export interface HealthHandler {
  (request: HealthRequest, response: HealthResponse, next?: () => unknown): boolean;
  /** The same as a middleware: some versions of the types of Express require `void`. */
  (request: HealthRequest, response: HealthResponse, next: () => unknown): void;
}

type Report = (probe: HealthProbe, excluded: ReadonlySet<string>) => Promise<HealthReport>;

const PATHS = { livez: "liveness", readyz: "readiness", startupz: "startup" } as const;
type Path = keyof typeof PATHS;

function send(
  response: HealthResponse,
  status: number,
  { type, text }: HealthBody,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, {
    "Content-Type": type,
    "Content-Length": String(Buffer.byteLength(text)),
    // A proxy must not answer with an earlier report.
    "Cache-Control": "no-store",
    ...headers,
  });
  // Node sends no body to a HEAD request.
  response.end(text);
}

/** Makes a request listener that answers with the reports. */
export function healthHandler(report: Report, options: HealthHandlerOptions | undefined): HealthHandler {
  const { prefix, messages } = resolveOptions("handler", handlerRules, options);

  const pathOf = (url: string): Path | undefined => {
    const name = url.startsWith(`${prefix}/`) ? url.slice(prefix.length + 1) : "";
    return Object.hasOwn(PATHS, name) ? (name as Path) : undefined;
  };
  const respond = async (
    path: Path,
    query: URLSearchParams,
    request: HealthRequest,
    response: HealthResponse,
  ): Promise<void> => {
    const answer = await report(PATHS[path], new Set(query.getAll("exclude")));
    // The framework may have answered already, after a timeout of its own.
    if (response.headersSent || response.writableEnded) return;
    const body = query.has("verbose") ? textBody(path, answer, messages) : jsonBody(answer, messages);
    // A connection that a prober keeps open must not delay the drain. HTTP/2 does not have this header.
    const closing = answer.status === "draining" && request.httpVersionMajor === 1;
    send(response, answer.ok ? 200 : 503, body, closing ? { Connection: "close" } : {});
  };

  return (request, response, next) => {
    const [url = "", query = ""] = (request.url ?? "").split("?", 2);
    const path = pathOf(url);
    if (path === undefined) {
      if (next !== undefined) {
        next();
        return false;
      }
      const paths = Object.keys(PATHS).map((name) => `${prefix}/${name}`);
      send(response, 404, plain(`not found; there are ${paths.join(", ")}`));
      return true;
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      send(response, 405, plain("use GET or HEAD"), { Allow: "GET, HEAD" });
      return true;
    }
    void respond(path, new URLSearchParams(query), request, response);
    return true;
  };
}
