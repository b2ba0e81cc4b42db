import { isError } from "./is-error.js";
import { show } from "./show.js";

/** The message of an error of any realm, or a thrown non-error as text. Never throws. */
export function messageOf(error: unknown): string {
  try {
    if (!isError(error)) return show(error);
    // The error of a connection refused at every address of a host has no message.
    const said = [error.message, Reflect.get(error, "code"), error.name];
    return said.find((text) => typeof text === "string" && text !== "") ?? "an error";
  } catch {
    return "an error that cannot be shown";
  }
}
