import { checkSignal } from "./abort.js";
import { type Clock, realClock } from "./clock.js";
import { custom, having, type Rule } from "./rules.js";

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
    checkSignal(value, label);
    return value;
  },
});
