import { NotAvailableError } from "../kernel/errors.js";
import type { StateFileCheck } from "./state-file-options.js";

let provided: StateFileCheck | undefined;

/**
 * Says how heartbeat files are read where no `check` is given. The format belongs to the heartbeat, which the
 * watchdog does not know; whoever knows both calls this.
 */
export function provideStateFileCheck(check: StateFileCheck): void {
  provided = check;
}

/** The reader that was provided. */
export function providedStateFileCheck(): StateFileCheck {
  if (provided === undefined)
    throw new NotAvailableError("a watchdog on a state file without the option check");
  return provided;
}
