import { setTimeout as sleep } from "node:timers/promises";

/**
 * Asks every 20 ms, for a minute at most. What throws has not yet come true.
 * @param {string} what
 * @param {() => unknown} holds
 */
export async function until(what, holds) {
  const end = performance.now() + 60_000;
  for (;;) {
    try {
      if (await holds()) return;
    } catch (error) {
      if (performance.now() > end) throw error;
    }
    if (performance.now() > end) throw new Error(`waited a minute in vain until ${what}`);
    await sleep(20);
  }
}
