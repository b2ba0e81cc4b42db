import { disposable } from "../kernel/disposable.js";
import { ShutdownError } from "./errors.js";

/** How far a chain of causes is followed, because it may be circular. */
const DEPTH = 10;

/**
 * Whether an error only means that the shutdown has begun: a start-up that is still in progress may register a callback
 * too late, or wait for an operation that `shutdown.signal` has aborted.
 */
export function isInterruption(error: unknown): boolean {
  let cause = error;
  for (let depth = 0; depth < DEPTH && typeof cause === "object" && cause !== null; depth++) {
    if (cause instanceof ShutdownError && cause.code === "ERR_SHUTDOWN_IN_PROGRESS") return true;
    cause = Reflect.get(cause, "cause");
  }
  return false;
}

/**
 * A start-up that the shutdown interrupts may throw an uncaught error, which must not end the process before the
 * callbacks are done. Any other uncaught error ends the process, as without this listener.
 */
export function tolerateInterruption(): Disposable {
  const caught = (error: unknown): void => {
    // Another listener decides about other errors.
    if (isInterruption(error) || process.listenerCount("uncaughtException") > 1) return;
    process.off("uncaughtException", caught);
    process.nextTick(() => {
      throw error;
    });
  };
  process.on("uncaughtException", caught);
  return disposable(() => process.off("uncaughtException", caught));
}
