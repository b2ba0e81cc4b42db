import { disposable } from "../kernel/disposable.js";
import { ShutdownError } from "./errors.js";

/** How many causes behind one another are looked at: they may go round in a circle. */
const DEPTH = 10;

/**
 * Whether an error says no more than that the shutdown has begun: a start-up that goes on meanwhile comes to
 * register something too late, or finds `shutdown.signal` aborted.
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
 * Keeps a start-up that is interrupted by the shutdown from ending the process before the callbacks are done.
 * Any other uncaught error ends it as if nobody listened.
 */
export function tolerateInterruption(): Disposable {
  const caught = (error: unknown): void => {
    // Whoever listens besides decides about all others.
    if (isInterruption(error) || process.listenerCount("uncaughtException") > 1) return;
    process.off("uncaughtException", caught);
    process.nextTick(() => {
      throw error;
    });
  };
  process.on("uncaughtException", caught);
  return disposable(() => process.off("uncaughtException", caught));
}
