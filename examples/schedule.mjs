// Boundaries of the clock: days of 23 and 25 hours, and a clock that is set while a callback waits.
import assert from "node:assert/strict";
import { TimeTrigger } from "@kstlib/resilience/schedule";
import { ManualClock } from "@kstlib/resilience/testing";

/** The hours between the boundaries of a few days. */
function lengths(every, timezone, from, count) {
  const trigger = new TimeTrigger(every, { timezone });
  const boundaries = [trigger.nextBoundary(new Date(from))];
  while (boundaries.length <= count) boundaries.push(trigger.nextBoundary(boundaries.at(-1)));
  return boundaries.slice(1).map((boundary, index) => (boundary - boundaries[index]) / 3_600_000);
}

const spring = lengths("1d", "Europe/Paris", "2026-03-27T12:00Z", 3);
const autumn = lengths("1d", "Europe/Paris", "2026-10-23T12:00Z", 3);
console.log(`days in Paris: ${spring.join(", ")} hours in March; ${autumn.join(", ")} in October`);
assert.deepEqual(
  [spring, autumn],
  [
    [24, 23, 24],
    [24, 25, 24],
  ],
);

// The clock of a test; a real one is the default.
const clock = new ManualClock();
const trigger = new TimeTrigger("1h", { name: "reconnect", clock });
const calls = [];
const subscription = trigger.onBoundary(({ boundary, missed }) => {
  calls.push(`${boundary.toISOString().slice(11, 16)} (${missed} missed)`);
});
await clock.advance("2h");
clock.jumpWall(-3600); // set back an hour: 02:00 is not told again
await clock.advance("1h");
clock.jumpWall(24 * 3600); // set forward a day
await clock.advance("1h");
subscription[Symbol.dispose]();
console.log(`called at ${calls.join(", ")}`);
assert.deepEqual(calls, ["01:00 (0 missed)", "02:00 (0 missed)", "02:00 (23 missed)", "03:00 (0 missed)"]);

// A wait can be given up.
const shutdown = new AbortController();
const tokyo = new TimeTrigger("4h", { timezone: "Asia/Tokyo" });
const waiting = tokyo.waitForBoundary({ margin: "30s", signal: shutdown.signal });
shutdown.abort(new Error("the service ends"));
await assert.rejects(waiting, /the service ends/);
console.log("the wait was ended by its signal");
