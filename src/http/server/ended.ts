import type { NodeRequest, NodeResponse } from "./requests.js";

/** A connection, as far as it tells that it has ended; that of a request made for a test may not. */
interface Connection {
  readonly destroyed?: boolean;
  once?(event: "close", listener: () => void): unknown;
}

/** What is to be done when connections end. One listener for each connection, however many requests are on it. */
const atEnd = new WeakMap<Connection, Set<() => void>>();

function runsAtEnd(connection: Connection): Set<() => void> {
  let runs = atEnd.get(connection);
  if (runs === undefined) {
    const all = new Set<() => void>();
    runs = all;
    atEnd.set(connection, all);
    connection.once?.("close", () => {
      for (const run of all) run();
    });
  }
  return runs;
}

/** The connection of a request under HTTP/1. Under HTTP/2 the stream ends a response, and the socket is not to be touched. */
const connectionOf = ({ httpVersionMajor, socket }: NodeRequest): Connection | undefined =>
  httpVersionMajor > 1 ? undefined : ((socket ?? undefined) as Connection | undefined);

/** Whether nobody can get the response any more. */
export const isGone = (request: NodeRequest, { destroyed, stream }: NodeResponse): boolean =>
  (destroyed ?? stream?.destroyed ?? false) || connectionOf(request)?.destroyed === true;

/** Whether all of the response has been sent; of one that is over. */
function isSent({ writableFinished, writableEnded, stream }: NodeResponse): boolean {
  // Under HTTP/2 it is finished also when the client has cancelled it.
  return writableFinished && writableEnded && (stream?.rstCode ?? 0) === 0;
}

/**
 * Calls once when the response has ended, or its connection is lost; at once if it is so already. Node tells a response
 * that the connection is lost only if it is the first of those on it, and not to those behind it (pipelining).
 *
 * @param ended gets whether all of the response was sent.
 */
export function whenEnded(
  request: NodeRequest,
  response: NodeResponse,
  ended: (isServed: boolean) => void,
): void {
  if (isGone(request, response)) {
    ended(isSent(response));
    return;
  }
  const connection = connectionOf(request);
  const runs = connection && runsAtEnd(connection);
  let isOver = false;
  const end = (): void => {
    if (isOver) return;
    isOver = true;
    runs?.delete(end);
    ended(isSent(response));
  };
  runs?.add(end);
  response.once("close", end);
}
