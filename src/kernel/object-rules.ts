import { isAbortSignal } from "./abort.js";
import { type Clock, realClock } from "./clock.js";
import { custom, having, type Rule } from "./rules.js";
import { unlike } from "./show.js";

/** The source of time. */
export const clockRule: Rule<Clock> = having(realClock, "a clock", [
  "now",
  "wallNow",
  "setTimer",
  "sleepSync",
]);

/** A signal of the application; it cannot stand in a file. */
export const signalRule: Rule<AbortSignal | undefined> = custom({
  allowed: "an AbortSignal",
  parse(value, label) {
    if (isAbortSignal(value)) return value;
    throw new TypeError(unlike(label, "an AbortSignal", value));
  },
});
