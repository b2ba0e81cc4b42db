import type { Clock } from "../../kernel/clock.js";
import { isGone } from "./ended.js";
import { PROBLEM_TYPE } from "./problem.js";
import { fieldOf, type NodeRequest, type NodeResponse } from "./requests.js";
import type { Field } from "./response-fields.js";

/** In bytes. What is left of a body up to this length is read, which keeps the connection; a longer one is not. */
const SMALL = 16_384;

/** In milliseconds. How long a client that still sends has for reading the refusal, before it loses the connection. */
const LINGER = 500;

/** Whether more of the body comes than is worth reading. */
export function isLong(request: NodeRequest): boolean {
  // Under HTTP/2 a request ends without its connection.
  if (request.complete || request.httpVersionMajor > 1) return false;
  if (request.headers["transfer-encoding"] !== undefined) return true;
  return Number(fieldOf(request, "content-length") ?? 0) > SMALL;
}

/**
 * Fields that say something of a body, or of how it is sent, or how long it may be kept. What was set for the application's
 * answer does not hold for a refusal.
 */
export const OF_ANOTHER_BODY: readonly string[] = [
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-range",
  "etag",
  "expires",
  "last-modified",
  "trailer",
  "transfer-encoding",
];

/** An answer in place of the application's. */
export interface Refusal {
  readonly status: 429 | 503;
  readonly fields: readonly Field[];
  /** Problem details, ASCII. */
  readonly body: string;
}

/** The answer as a web-standard response. */
export function responseOf({ status, fields, body }: Refusal): Response {
  const headers = new Headers(fields.map(([name, value]) => [name, value]));
  headers.set("Content-Type", PROBLEM_TYPE);
  return new Response(body, { status, headers });
}

/** Answers a request in place of the application, without reading a long body that still comes. */
export function refuse(
  request: NodeRequest,
  response: NodeResponse,
  refusal: Refusal,
  clock: Pick<Clock, "setTimer">,
): void {
  // While a limiter was asked.
  if (isGone(request, response)) return;
  const { status, fields, body } = refusal;
  response.statusCode = status;
  for (const name of OF_ANOTHER_BODY) response.removeHeader(name);
  for (const [name, value] of fields) response.setHeader(name, value);
  response.setHeader("Content-Type", PROBLEM_TYPE);
  response.setHeader("Content-Length", body.length);
  if (!isLong(request)) {
    response.end(body);
    return;
  }
  response.setHeader("Connection", "close");
  response.write(body);
  // Closed at once with unread data, a connection is reset, and the client may lose the answer.
  const timer = clock.setTimer(() => response.end(), LINGER);
  response.once("close", () => timer.cancel());
}
