import type { Clock } from "./clock.js";
import type { Context } from "./context.js";

/**
 * The context with a deadline of the clock: seconds that a caller gave as a number are counted from now, so that
 * `remaining` says what is left of them after a wait.
 */
export function withLiveDeadline(context: Context, clock: Pick<Clock, "now">): Context {
  const { deadline } = context;
  if (typeof deadline !== "number" || deadline === Infinity) return context;
  return context.ofAttempt(context.attempt, { clock, due: clock.now() + deadline * 1000 }, context.budget);
}
