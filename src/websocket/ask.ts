import { disown, isThenable } from "../kernel/thenable.js";
import { warn } from "../kernel/warning.js";

/** What a callback of the application answers; `undefined`, and a warning, when it throws or has only a promise. */
export function ask<Answer>(manager: string, what: string, callback: () => Answer): Answer | undefined {
  try {
    const answer = callback();
    if (!isThenable(answer)) return answer;
    disown(answer);
    throw new TypeError("it must answer at once; got a promise.");
  } catch (error) {
    warn("KSTLIB_LISTENER_FAILED", `${what} of websocket ${JSON.stringify(manager)} failed`, error);
    return undefined;
  }
}
