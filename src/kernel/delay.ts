import { type Abortable, onAbort } from "./abort.js";
import type { Clock } from "./clock.js";

/** Resolves after `milliseconds`, or as soon as `source` is aborted; keeps the process alive. */
export function delay(
  clock: Pick<Clock, "setTimer">,
  milliseconds: number,
  source: Abortable | undefined,
): Promise<void> {
  return new Promise((resolve) => {
    if (source?.aborted) {
      resolve();
      return;
    }
    const leave =
      source &&
      onAbort(source, () => {
        timer.cancel();
        resolve();
      });
    const timer = clock.setTimer(() => {
      leave?.();
      resolve();
    }, milliseconds);
  });
}
