import type { Refusal } from "../http/server/verdict.js";
import { fieldsOf, isLong, isOfAnotherBody, refuse, responseOf } from "../http/server/refuse.js";
import type { Clock } from "../kernel/clock.js";
import { type HonoContext, onNode } from "./connection.js";

/** A response that has been sent already, as `@hono/node-server` knows it. */
const sent = (): Response => new Response(null, { headers: { "x-hono-already-sent": "true" } });

/** Answers a request in place of the handlers, on Node without reading a long body that still comes. */
export function refuseContext(
  context: HonoContext,
  refusal: Refusal,
  clock: Pick<Clock, "setTimer">,
): Response {
  const node = onNode(context);
  if (node && isLong(node.incoming)) {
    // What other middlewares have set, such as for requests from other origins.
    const { headers } = context.res;
    for (const [name, value] of headers) if (name !== "set-cookie") node.outgoing.setHeader(name, value);
    const cookies = headers.getSetCookie();
    if (cookies.length > 0) node.outgoing.setHeader("Set-Cookie", cookies);
    refuse(node.incoming, node.outgoing, refusal, clock);
    return sent();
  }
  // What was set before would take the place of what is set here.
  const others = [...context.res.headers.keys()].filter(isOfAnotherBody);
  const own = fieldsOf(refusal).map(([name]) => name);
  for (const name of [...others, ...own]) context.header(name, undefined);
  return responseOf(refusal);
}
