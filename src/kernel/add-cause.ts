import { isError } from "./is-error.js";

/** Gives an error a cause, unless it has one, is its own, or cannot be changed. */
export function addCause(error: unknown, cause: unknown): void {
  try {
    if (!isError(error) || error === cause || "cause" in error) return;
    Reflect.defineProperty(error, "cause", { value: cause, configurable: true, writable: true });
  } catch {
    // A proxy that throws.
  }
}
