// An error instead of a callback, even in a synchronous loop that never ends.
import assert from "node:assert/strict";
import { watchdogContext, WatchdogTimeoutError } from "@kstlib/resilience";

try {
  watchdogContext({ timeout: 1, raiseOnTimeout: true }).runSync((watchdog) => {
    watchdog.ping();
    for (;;); // a slow operation, without a ping
  });
  assert.fail("the loop has no end");
} catch (error) {
  if (!(error instanceof WatchdogTimeoutError)) throw error;
  console.log(`timeout after ${error.secondsInactive.toFixed(1)} s of inactivity`);
  assert.ok(error.secondsInactive >= 1);
}
