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
 * While the body of a response is being read: aborts that when `source` is aborted. Resolves once it was read, cancelled or
 * has failed; `undefined` if there is nothing to wait for.
 */
export function whileRead(response: Response, source: Abortable | undefined): Promise<void> | undefined {
  const controller = controllers.get(response);
  if (controller === undefined || source === undefined) return undefined;
  const { body } = response;
  if (body === null) return undefined;
  return new Promise((resolve) => {
    const leave = onAbort(source, () => controller.abort(source.reason));
    const end = (): void => {
      leave();
      resolve();
    };
    try {
      // Takes a stream of the web, too, whatever the types say; and leaves it to the caller as it is.
      finished(body as unknown as NodeJS.ReadableStream, end);
    } catch {
      end();
    }
    if (source.aborted) controller.abort(source.reason);
  });
}
