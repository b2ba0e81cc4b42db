import fc from "fast-check";
import { expect, test } from "vitest";
import { RateLimiter } from "../../src/rate-limiter/rate-limiter.js";
import type { Reservation } from "../../src/rate-limiter/reservation.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import { type Admission, CountingSignal, numRuns, worstExcess } from "./admissions.js";

type Step =
  | { readonly do: "try" | "reserve" | "prophecy"; readonly share: number }
  | { readonly do: "acquire"; readonly share: number; readonly patience: number | undefined }
  | { readonly do: "abort"; readonly which: number }
  | { readonly do: "cancel"; readonly which: number }
  | { readonly do: "commit"; readonly which: number; readonly share: number }
  | { readonly do: "advance" | "block" | "pause"; readonly intervals: number }
  | { readonly do: "update"; readonly rate: number; readonly burst: number }
  | { readonly do: "reset" };

// Multiples that are exact and meet each other, and some that are neither.
const share = fc.oneof(fc.constantFrom(0.25, 0.5, 0.75, 1), fc.double({ min: 0.01, max: 1, noNaN: true }));
const intervals = fc.oneof(fc.constantFrom(0.25, 0.5, 1, 2, 10), fc.double({ min: 0, max: 5, noNaN: true }));
const which = fc.nat({ max: 20 });
const acquire = fc.record({
  do: fc.constant("acquire" as const),
  share,
  patience: fc.oneof(fc.constant(undefined), fc.constant(0), intervals),
});
const common = [
  fc.record({ do: fc.constant("try" as const), share }),
  acquire,
  acquire,
  fc.record({ do: fc.constant("abort" as const), which }),
  fc.record({ do: fc.constant("advance" as const), intervals }),
  fc.record({ do: fc.constant("prophecy" as const), share }),
] as const;
const reservations = [
  fc.record({ do: fc.constant("reserve" as const), share }),
  fc.record({ do: fc.constant("cancel" as const), which }),
  fc.record({ do: fc.constant("commit" as const), which, share: fc.oneof(fc.constant(0), share) }),
] as const;
const dearer = fc.record({
  do: fc.constant("commit" as const),
  which,
  share: fc.double({ min: 1, max: 4, noNaN: true }),
});
const pause = fc.record({ do: fc.constant("pause" as const), intervals });
const block = fc.record({ do: fc.constant("block" as const), intervals });
const change = [
  fc.record({
    do: fc.constant("update" as const),
    rate: fc.constantFrom(1, 3, 10, 1000),
    burst: fc.constantFrom(1, 2, 7),
  }),
  fc.record({ do: fc.constant("reset" as const) }),
] as const;

const shapes = fc.constantFrom(
  { rate: 10, burst: 1 },
  { rate: 10, burst: 4 },
  { rate: 3, burst: 2.5 },
  { rate: 1000, burst: 100 },
  { rate: 0.5, burst: 1 },
);

const mostSteps = { maxLength: 40 };
/** In tokens; the times are far below 2^30 ms, where an ulp is 2^-22 ms at most and mostly 2^-35. */
const rounding = 1e-6;

/**
 * Plays the steps on a limiter, checks at the end that everybody was served in order and nothing is left, and
 * returns the worst excess over the bound, which is widened by what was committed above the reserved.
 */
async function play(
  shape: { readonly rate: number; readonly burst: number },
  steps: readonly Step[],
  prophecies: "hold" | "ignored",
): Promise<number> {
  const clock = new ManualClock();
  const limiter = new RateLimiter({ ...shape, clock });
  const interval = (): number => 1000 / limiter.rate;
  const admissions: { at: number; cost: number }[] = [];
  const held: { readonly reservation: Reservation; readonly admission: { at: number; cost: number } }[] = [];
  const signals: CountingSignal[] = [];
  const served: number[] = [];
  let pausedUntil = 0;
  let reserving = false;
  let pending = 0;
  const broken: string[] = [];
  let above = 0;
  limiter.on("acquired", ({ cost }) => {
    if (reserving) return;
    // A listener's failure would not be heard of.
    if (clock.now() < pausedUntil - rounding) broken.push("admitted in a pause");
    admissions.push({ at: clock.now(), cost });
  });
  for (const step of steps) {
    switch (step.do) {
      case "try":
        limiter.tryAcquire(step.share * limiter.burst);
        break;
      case "prophecy": {
        const cost = step.share * limiter.burst;
        const wait = limiter.timeUntilToken(cost);
        if (wait > 0) {
          if (limiter.tryAcquire(cost)) broken.push("admitted at once");
          await clock.advance(wait * (1 - 1e-6));
          if (prophecies === "hold" && wait > 1e-6 && limiter.tryAcquire(cost)) broken.push("admitted early");
          await clock.advance(wait * 1e-6 + 1e-12);
        }
        if (prophecies === "hold" && !limiter.tryAcquire(cost)) broken.push("denied at its time");
        break;
      }
      case "acquire": {
        const signal = new CountingSignal();
        const number = signals.push(signal);
        const timeout = step.patience === undefined ? undefined : (step.patience * interval()) / 1000;
        pending++;
        limiter
          .acquire({ cost: step.share * limiter.burst, timeout, signal: signal.signal })
          .then(
            () => served.push(number),
            () => {},
          )
          .finally(() => pending--);
        break;
      }
      case "abort":
        signals[step.which]?.controller.abort();
        break;
      case "reserve": {
        reserving = true;
        const reservation = limiter.reserve(step.share * limiter.burst);
        reserving = false;
        const admission = { at: clock.now() + reservation.delay * 1000, cost: reservation.cost };
        admissions.push(admission);
        held.push({ reservation, admission });
        break;
      }
      case "cancel":
      case "commit": {
        const [found] = held.splice(step.which, 1);
        if (found === undefined) break;
        const used = step.do === "cancel" ? 0 : step.share * found.reservation.cost;
        if (step.do === "cancel") found.reservation.cancel();
        else found.reservation.commit(used);
        found.admission.cost = used;
        above += Math.max(0, used - found.reservation.cost);
        break;
      }
      case "advance":
        await clock.advance((step.intervals * interval()) / 1000);
        break;
      case "block":
        clock.sleepSync(step.intervals * interval());
        break;
      case "pause":
        limiter.pauseFor((step.intervals * interval()) / 1000);
        pausedUntil = Math.max(pausedUntil, clock.now() + step.intervals * interval());
        break;
      case "update":
        limiter.update({ rate: step.rate, burst: step.burst });
        break;
      case "reset":
        pausedUntil = 0;
        limiter.reset();
    }
  }
  await clock.advance(1000 + (5 * steps.length * limiter.burst * interval()) / 1000);
  expect([pending, clock.pendingTimers, limiter.stats.queued, ...broken]).toEqual([0, 0, 0]);
  expect(signals.filter(({ listeners }) => listeners > 0)).toEqual([]);
  expect(served).toEqual(served.toSorted((one, other) => one - other));
  expect(limiter.tokens).toBe(limiter.burst);
  return worstExcess(admissions, { interval: interval(), burst: limiter.burst }) - above;
}

const runs = Math.ceil(numRuns / 4);

test("with requests that wait, leave, are late, pause or block the thread: no window admits more than the bound", async () => {
  await fc.assert(
    fc.asyncProperty(shapes, fc.array(fc.oneof(...common, pause, block), mostSteps), async (shape, steps) => {
      expect(await play(shape, steps, "ignored")).toBeLessThanOrEqual(rounding);
    }),
    { numRuns: runs },
  );
});

test("with reservations, commits and cancellations among the waiters the bound holds too", async () => {
  await fc.assert(
    fc.asyncProperty(
      shapes,
      fc.array(fc.oneof(...common, ...reservations), mostSteps),
      async (shape, steps) => {
        expect(await play(shape, steps, "ignored")).toBeLessThanOrEqual(rounding);
      },
    ),
    { numRuns: runs * 2 },
  );
});

test("commits above what was reserved are charged: only they exceed the bound", async () => {
  await fc.assert(
    fc.asyncProperty(
      shapes,
      fc.array(fc.oneof(...common, ...reservations, dearer, dearer), mostSteps),
      async (shape, steps) => {
        expect(await play(shape, steps, "ignored")).toBeLessThanOrEqual(rounding);
      },
    ),
    { numRuns: runs },
  );
});

test("reservations alone keep the bound also when the thread was blocked", async () => {
  const alone = fc.oneof(common[0], ...reservations, block);
  await fc.assert(
    fc.asyncProperty(shapes, fc.array(alone, mostSteps), async (shape, steps) => {
      expect(await play(shape, steps, "ignored")).toBeLessThanOrEqual(rounding);
    }),
    { numRuns: runs },
  );
});

test("a request is denied before its retryAfter and admitted at it, behind all that wait", async () => {
  await fc.assert(
    fc.asyncProperty(
      shapes,
      fc.array(fc.oneof(...common.slice(0, 5), common[5], pause, reservations[0]), mostSteps),
      async (shape, steps) => {
        expect(await play(shape, steps, "hold")).toBeLessThanOrEqual(rounding);
      },
    ),
    { numRuns: runs },
  );
});

test("whatever is called in whatever order, every request is served in order and nothing is left", async () => {
  const all = fc.oneof(...common, ...reservations, dearer, pause, block, ...change);
  await fc.assert(
    fc.asyncProperty(shapes, fc.array(all, mostSteps), async (shape, steps) => {
      expect(await play(shape, steps, "ignored")).not.toBeNaN();
    }),
    { numRuns: runs },
  );
});

test("after an update no window that begins later admits more than the new bound", async () => {
  await fc.assert(
    fc.asyncProperty(
      shapes,
      fc.array(fc.oneof(...common, pause, block), mostSteps),
      fc.array(fc.oneof(...common, pause, block), mostSteps),
      fc.constantFrom({ rate: 1, burst: 7 }, { rate: 100, burst: 1 }, { rate: 10, burst: 3 }),
      async (shape, before, after, limits) => {
        const clock = new ManualClock();
        const limiter = new RateLimiter({ ...shape, clock });
        const admissions: Admission[] = [];
        let changed = false;
        limiter.on("acquired", ({ cost }) => {
          if (changed) admissions.push({ at: clock.now(), cost });
        });
        const act = async (steps: readonly Step[]): Promise<void> => {
          for (const step of steps) {
            if (step.do === "try") limiter.tryAcquire(step.share * limiter.burst);
            else if (step.do === "acquire")
              void limiter.acquire({ cost: step.share * limiter.burst }).catch(() => {});
            else if (step.do === "pause") limiter.pauseFor((step.intervals * limiter.per) / limiter.rate);
            else if (step.do === "block") clock.sleepSync((step.intervals * 1000) / limiter.rate);
            else if (step.do === "advance") await clock.advance(step.intervals / limiter.rate);
          }
        };
        await act(before);
        // Served under the old limits, what is due now does not count for the new.
        expect(limiter.tokens).toBeGreaterThanOrEqual(0);
        const tokens = limiter.tokens;
        changed = true;
        limiter.update(limits);
        expect(limiter.tokens).toBeLessThanOrEqual(tokens + rounding);
        await act(after);
        await clock.advance(10_000);
        expect(
          worstExcess(admissions, { interval: 1000 / limits.rate, burst: limits.burst }),
        ).toBeLessThanOrEqual(rounding);
      },
    ),
    { numRuns: runs },
  );
});
