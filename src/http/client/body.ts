import { finished } from "node:stream";
import { type Abortable, onAbort } from "../../kernel/abort.js";

/** What aborts the reading of a response's body. */
const controllers = new WeakMap<object, AbortController>();

/** Says which controller's signal the response was fetched with. */
export function fetchedWith(response: Response, controller: AbortController): void {
  controllers.set(response, controller);
}

/** Cancels the body of a response that nobody reads, which would keep its connection in use. */
export function discard(response: Response): void {
  try {
    const { body } = response;
    if (body !== null && !body.locked) body.cancel().catch(() => {});
  } catch {
    // That of a library that has no streams of the web.
  }
}

/**
 * While the body of a response is being read: aborts that when `source` is aborted. Calls `over` when the body was read or
 * cancelled, or has failed.
 *
 * @returns whether there is something to read.
 */
export function whileRead(response: Response, source: Abortable | undefined, over?: () => unknown): boolean {
  const controller = controllers.get(response);
  if (controller === undefined || source === undefined) return false;
  const { body } = response;
  if (body === null) return false;
  const leave = onAbort(source, () => controller.abort(source.reason));
  const end = (): void => {
    leave();
    over?.();
  };
  try {
    // Takes a stream of the web, too, whatever the types say; and leaves it to the caller as it is.
    finished(body as unknown as NodeJS.ReadableStream, end);
  } catch {
    end();
  }
  if (source.aborted) controller.abort(source.reason);
  return true;
}
