import type { Clock } from "../kernel/clock.js";
import { formatDuration } from "../kernel/duration.js";
import { isThenable } from "../kernel/thenable.js";
import { ShutdownError } from "./errors.js";
import type { Hook } from "./plan.js";
import type { ShutdownResult, ShutdownStatus } from "./report.js";

/**
 * Gives one callback its turn of at most `time` milliseconds; never rejects. Its timer keeps the process
 * alive meanwhile: a promise that never settles must not let the process end half-way.
 */
export function runHook(hook: Hook, reason: string, time: number, clock: Clock): Promise<ShutdownResult> {
  const { name } = hook;
  const started = clock.now();
  const controller = new AbortController();
  return new Promise((resolve) => {
    // What comes after the timeout changes nothing: a promise resolves once.
    const settle = (status: ShutdownStatus, failure?: { readonly error: unknown }): void => {
      timer.cancel();
      resolve(Object.freeze({ name, status, seconds: (clock.now() - started) / 1000, ...failure }));
    };
    const fail = (error: unknown): void => settle("failed", { error });
    const timer = clock.setTimer(() => {
      const error = new ShutdownError(
        "ERR_SHUTDOWN_TIMEOUT",
        `${name} did not finish within ${formatDuration(time / 1000)}.`,
      );
      settle("timed-out", { error });
      controller.abort(error);
    }, time);
    try {
      const result = hook.callback({ signal: controller.signal, reason });
      if (isThenable(result)) result.then(() => settle("done"), fail);
      else settle("done");
    } catch (error) {
      fail(error);
    }
  });
}
