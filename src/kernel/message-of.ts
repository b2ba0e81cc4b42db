import { isError } from "./is-error.js";
import { show } from "./show.js";

/** What an error says, of whatever realm; what was thrown in place of one, as text. Never throws. */
export function messageOf(error: unknown): string {
  try {
    if (!isError(error)) return show(error);
    // A connection that is refused at every address of a host is an error without a message of its own.
    const said = [error.message, Reflect.get(error, "code"), error.name];
    return said.find((text) => typeof text === "string" && text !== "") ?? "an error";
  } catch {
    return "an error that cannot be shown";
  }
}
