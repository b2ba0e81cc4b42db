import { finished } from "node:stream";
import { type Abortable, onAbort } from "../../kernel/abort.js";
import { withOrigin } from "./errors.js";

/**
 * How the body of a response is read. Whoever can end that keeps this, perhaps for long, and must not keep the response: one
 * that nobody reads lets go of its connection when it is collected.
 */
export interface Reading {
  /** Ends the reading: it fails with the reason. */
  abort(reason: unknown): void;
  /** Calls `run` once the body was read, was cancelled or has failed; returns `false` if there is none. */
  whenOver(response: object, run: () => void): boolean;
  /** Cancels a body that nobody reads, which would keep its connection in use. */
  discard(response: object): void;
}

interface Known {
  readonly reading: Reading;
  readonly origin: string;
}

const readings = new WeakMap<object, Known>();

/** Says how the body of a response is read that policies can end, and whose it is. */
export function readBy(response: object, reading: Reading, origin: string): void {
  readings.set(response, { reading, origin });
}

/** The body of a `Response` that was fetched with the signal of this controller. */
export class StreamReading implements Reading {
  readonly #controller: AbortController;

  constructor(controller: AbortController) {
    this.#controller = controller;
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  whenOver({ body }: Response, run: () => void): boolean {
    if (body === null) return false;
    try {
      // Takes a stream of the web, too, whatever the types say; and leaves it to the caller as it is.
      Reflect.apply(finished, undefined, [body, run]);
      return true;
    } catch {
      return false;
    }
  }

  discard(response: Response): void {
    cancel(response);
  }
}

function cancel({ body }: Response): void {
  try {
    if (body !== null && !body.locked) body.cancel().catch(() => {});
  } catch {
    // That of a library that has no streams of the web.
  }
}

/** Cancels the body of a response that the caller does not get. */
export function discard(response: object): void {
  const known = readings.get(response);
  if (known === undefined) cancel(response as Response);
  else known.reading.discard(response);
}

/**
 * While the body of a response is being read: aborts that when `source` is aborted. Calls `over` when that has ended.
 *
 * @returns whether there is something to read, and `over` will be called.
 */
export function whileRead(response: object, source: Abortable | undefined, over?: () => unknown): boolean {
  const known = readings.get(response);
  if (known === undefined || source === undefined) return false;
  const { reading, origin } = known;
  const abort = (): void => reading.abort(withOrigin(source.reason, origin));
  const leave = onAbort(source, abort);
  const isRead = reading.whenOver(response, () => {
    leave();
    over?.();
  });
  if (!isRead) leave();
  else if (source.aborted) abort();
  return isRead;
}
