import type { Clock } from "../../kernel/clock.js";
import { isGone } from "./ended.js";
import { fieldOf, type NodeRequest, type NodeResponse } from "./requests.js";
import type { Field } from "./response-fields.js";
import type { Refusal } from "./verdict.js";

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

const OF_A_BODY: ReadonlySet<string> = new Set([
  "age",
  "cache-control",
  "content-digest",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-length",
  "content-location",
  "content-md5",
  "content-range",
  "content-type",
  "digest",
  "etag",
  "expires",
  "last-modified",
  "pragma",
  "repr-digest",
  "surrogate-control",
  "trailer",
  "transfer-encoding",
  "x-accel-expires",
]);

/**
 * Whether a field says something of a body, or of how it is sent, or how long it may be kept. What was set for the application's
 * answer does not hold for a refusal.
 *
 * @param name in lower case.
 */
export const isOfAnotherBody = (name: string): boolean =>
  // Caches of their own kind have such fields with their names in front, RFC 9213.
  OF_A_BODY.has(name) || name.endsWith("cdn-cache-control");

/**
 * The fields of a refusal but for its length. It is of this client and moment: RFC 6585 has no cache store a 429, and some caches
 * store whatever does not forbid it.
 */
export const fieldsOf = ({ fields, contentType }: Refusal): readonly Field[] => [
  ...fields,
  ["cache-control", "no-store"],
  ["content-type", contentType],
];

/** The answer as a web-standard response. */
export function responseOf(refusal: Refusal): Response {
  const headers = new Headers(fieldsOf(refusal).map(([name, value]) => [name, value]));
  return new Response(refusal.body, { status: refusal.status, headers });
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
  const { status, body } = refusal;
  response.statusCode = status;
  for (const name of response.getHeaderNames()) if (isOfAnotherBody(name)) response.removeHeader(name);
  for (const [name, value] of fieldsOf(refusal)) response.setHeader(name, value);
  response.setHeader("content-length", Buffer.byteLength(body));
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
