import { isError } from "../kernel/is-error.js";
/** Whether the system refused with one of these codes. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return isError(error) && "code" in error && codes.some((code) => code === error.code);
}
