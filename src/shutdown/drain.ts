import { budget, type Hook, skipped, summary } from "./plan.js";
import type { Clock } from "../kernel/clock.js";
import type { ShutdownReport, ShutdownResult } from "./report.js";
import { runHook } from "./run-hook.js";

/** One run through the plan; times in milliseconds. */
export interface Drain {
  readonly reason: string;
  readonly hooks: readonly Hook[];
  readonly started: number;
  readonly timeout: number;
  readonly preStopDelay: number;
  readonly clock: Clock;
  /** Told before each turn. */
  readonly onTurn: (name: string) => void;
  /** Told after each turn, and of each that never came. */
  readonly onResult: (result: ShutdownResult) => void;
}

/** Gives every callback its turn, one after the other; never rejects. */
export async function drain(plan: Drain): Promise<ShutdownReport> {
  const { reason, clock, started } = plan;
  const deadline = started + plan.timeout;
  if (plan.preStopDelay > 0) {
    await new Promise<void>((resolve) => {
      clock.setTimer(resolve, plan.preStopDelay);
    });
  }
  const results: ShutdownResult[] = [];
  for (const hook of plan.hooks) {
    const time = budget(hook, deadline, clock.now());
    if (time > 0) plan.onTurn(hook.name);
    const result = time > 0 ? await runHook(hook, reason, time, clock) : skipped(hook);
    results.push(result);
    plan.onResult(result);
  }
  return summary(reason, results, clock.now() - started);
}
