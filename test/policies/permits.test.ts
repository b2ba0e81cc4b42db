import { expect, test } from "vitest";
import { Permits } from "../../src/policies/bulkhead/permits.js";
import { ManualClock } from "../../src/testing/index.js";

const late = (): unknown => "late";

test("a permit given back by a listener of an abort does not go to the aborted waiter", async () => {
  const clock = new ManualClock();
  const permits = new Permits(1);
  const client = new AbortController();
  permits.tryTake();
  client.signal.addEventListener("abort", () => permits.release());
  const aborted = permits.wait({ clock, timeout: Infinity, source: client.signal, late });
  const next = permits.wait({ clock, timeout: Infinity, source: undefined, late });
  client.abort("given up");
  await expect(aborted).rejects.toBe("given up");
  await next;
  expect([permits.running, permits.queued]).toEqual([1, 0]);
});

test("a timer is set only for a wait that has an end", async () => {
  const clock = new ManualClock();
  const permits = new Permits(0);
  void permits.wait({ clock, timeout: Infinity, source: undefined, late });
  expect(clock.pendingTimers).toBe(0);
  const timed = permits.wait({ clock, timeout: 1000, source: undefined, late }).catch(String);
  expect(clock.pendingTimers).toBe(1);
  await clock.advance("1s");
  expect(await timed).toBe("late");
  expect([permits.running, permits.queued]).toEqual([0, 1]);
});
