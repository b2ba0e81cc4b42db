import { isError } from "./is-error.js";

/** Sets the cause of an error, unless it already has one, would be its own cause, or cannot be changed. */
export function addCause(error: unknown, cause: unknown): void {
  try {
    if (!isError(error) || error === cause || "cause" in error) return;
    Reflect.defineProperty(error, "cause", { value: cause, configurable: true, writable: true });
  } catch {
    // A proxy that throws.
  }
}
