import { describe, expect, test } from "vitest";
import { Allowance } from "../../../src/http/client/allowance.js";
import { Gate } from "../../../src/http/client/gate.js";
import { Recovery } from "../../../src/http/client/recovery.js";
import {
  LONGEST,
  readQuota,
  timeUntilFull,
  type ToldQuota,
  turnOf,
} from "../../../src/http/client/told-quota.js";
import { ManualClock } from "../../../src/testing/manual-clock.js";

/** A quota of 100 in 10 seconds. */
const known: ToldQuota = {
  left: 9,
  lowest: 9,
  until: 10_000,
  full: 10_000,
  size: 100,
  window: 10_000,
  told: { remaining: 9, counted: 1, answered: 1 },
};

describe("what an answer tells of a quota", () => {
  const item = { name: "a", remaining: 5 };
  const policy = { name: "a", quota: 10, window: 60 };

  test.each([
    ["nothing without a time", item, [policy], undefined, undefined],
    [
      "without a time, what was known of it",
      item,
      [],
      known,
      { remaining: 5, time: 10_000, size: 100, window: 10_000 },
    ],
    [
      "without a policy, what is left and this request",
      { ...item, seconds: 30 },
      [],
      undefined,
      { remaining: 5, time: 30_000, size: 6, window: 30_000 },
    ],
    [
      "by the policy of its name",
      { ...item, seconds: 30 },
      [{ name: "b", quota: 7, window: 1 }, policy],
      undefined,
      { remaining: 5, time: 30_000, size: 10, window: 60_000 },
    ],
    [
      "by a policy without a window",
      { ...item, seconds: 30 },
      [{ name: "a", quota: 10 }],
      undefined,
      { remaining: 5, time: 30_000, size: 10, window: 30_000 },
    ],
    [
      "by a policy without a window, of a quota that is whole",
      { ...item, seconds: 0 },
      [{ name: "a", quota: 10 }],
      undefined,
      { remaining: 5, time: 0, size: 10, window: 1 },
    ],
    [
      "in requests of the highest cost",
      { name: "a", remaining: 1000, seconds: 1 },
      [{ name: "a", quota: 1999, window: 10 }],
      known,
      { remaining: 50, time: 1000, size: 100, window: 10_000 },
    ],
    [
      "no longer than a day",
      { ...item, seconds: 1e9 },
      [{ ...policy, window: 1e9 }],
      undefined,
      { remaining: 5, time: LONGEST, size: 10, window: LONGEST },
    ],
  ])("%s", (_, given, policies, before, expected) => {
    expect(readQuota(given, policies, before)).toEqual(expected);
  });

  test.each([
    ["is missing takes its time", 0, 10_000, 10_000],
    ["is missing tells more exactly than whole seconds", 5, 10_000, 9500],
    ["the field says counts, where the server is slower", 50, 10_000, 9000],
    ["the field says counts, where the server is faster", 0, 3000, 3000],
    ["is told last was before this request", 100, 0, 100],
  ])("what %s", (_, remaining, time, expected) => {
    expect(timeUntilFull(remaining, time, known)).toBe(expected);
  });
});

describe("the next request", () => {
  // What spreads the 9 evenly is a second now, and it waits four times as long as it will be then.
  test.each([
    [0, 0, 10_000 / 3.5],
    [100, 200, 4100 / 1.4],
  ])(
    "after one at %d, at %d, is sent when as much time has passed as is right then",
    (last, now, expected) => {
      const turn = turnOf(known, last, now);
      expect(turn).toBeGreaterThanOrEqual(expected);
      expect(turn).toBeLessThan(expected + 2);
    },
  );

  test("is sent at once when enough time has passed, and at the end when nothing is left", () => {
    expect(turnOf(known, 0, 2857)).toBe(2857);
    expect(turnOf(known, -1e6, 0)).toBe(0);
    expect(turnOf({ ...known, left: 0.5 }, -1e6, 0)).toBe(10_000);
    expect(turnOf({ ...known, until: 500 }, 0, 0)).toBe(500);
  });
});

/** How many requests may be under way after these answers, each of which tells what is left of 1000. */
function widthAfter(answers: readonly number[], way: number = 0, seconds: number = 1): number {
  const allowance = new Allowance();
  let now = 0;
  for (const remaining of answers) {
    const sent = allowance.send(now);
    now += way;
    const item = { name: "a", remaining, seconds };
    allowance.hear(sent, [item], [{ name: "a", quota: 1000, window: 1000 }], now);
    allowance.answer(true, now);
  }
  let count = 0;
  while (allowance.next(now) <= now) {
    allowance.send(now);
    count++;
  }
  return count;
}

describe("how many requests may be under way", () => {
  const falling = (from: number, by: number, length: number): number[] =>
    Array.from({ length }, (_, count) => from - by * count);

  test("is one more after each answer, as long as nobody else uses the quota", () => {
    expect(widthAfter(falling(999, 1, 1))).toBe(2);
    expect(widthAfter(falling(999, 1, 20))).toBe(21);
  });

  test("is halved by an answer that tells of others", () => {
    expect(widthAfter([...falling(999, 1, 20), 970])).toBe(10);
  });

  test.each([
    ["a 64th of what is left", 640, 0, 10],
    ["as many as twice the way takes of the quota, if that is more", 640, 20_000, 40],
    ["an eighth of what is left, at most", 640, 60_000, 80],
    ["one, at least", 5, 0, 1],
  ])("is, of a quota that others use as well, %s", (_, remaining, way, expected) => {
    expect(widthAfter(Array<number>(4000).fill(remaining), way)).toBe(expected);
  });

  test("does not fall by what is one's own, however many were answered together", () => {
    const allowance = new Allowance();
    let remaining = 1000;
    for (let round = 1; round <= 5; round++) {
      const sent = Array.from({ length: round }, () => allowance.send(0));
      for (const each of sent) {
        allowance.hear(
          each,
          [{ name: "a", remaining: --remaining, seconds: 1 }],
          [{ name: "a", quota: 1000, window: 1000 }],
          0,
        );
        allowance.answer(true, 0);
      }
    }
    let count = 0;
    for (; allowance.next(0) <= 0; count++) allowance.send(0);
    expect(count).toBe(16);
  });

  test.each([
    ["tells that nobody else uses it any more", 999, 11],
    ["tells that others still do", 998, 4],
  ])("one that goes alone, when the quota should be whole, %s", (_, remaining, expected) => {
    const allowance = new Allowance();
    const ask = (left: number, now: number): void => {
      const sent = allowance.send(now);
      allowance.hear(
        sent,
        [{ name: "a", remaining: left, seconds: 1 }],
        [{ name: "a", quota: 1000, window: 1000 }],
        now,
      );
      allowance.answer(true, now);
    };
    for (let count = 0; count < 300; count++) ask(900, 0);
    // Out of date: this one goes ahead of others.
    for (let count = 0; count < 10; count++) ask(remaining - count, 5000);
    let count = 0;
    for (; allowance.next(5000) <= 5000; count++) allowance.send(5000);
    expect(count).toBe(expected);
  });
});

describe("an origin may be forgotten", () => {
  test("when nothing is under way, no pause is left, and no quota would be lost", () => {
    const allowance = new Allowance();
    expect(allowance.isIdle(0)).toBe(true);
    const sent = allowance.send(0);
    expect(allowance.isIdle(0)).toBe(false);
    const items = ["a", "b"].map((name, at) => ({ name, remaining: 5, seconds: 10 * (at + 1) }));
    allowance.hear(sent, items, [], 0);
    allowance.answer(true, 0);
    expect([allowance.isIdle(10_000), allowance.isIdle(19_999), allowance.isIdle(20_000)]).toEqual([
      false,
      false,
      true,
    ]);
    allowance.pausedUntil = 30_000;
    expect([allowance.isIdle(29_999), allowance.isIdle(30_000)]).toEqual([false, true]);
  });
});

test("a refusal that tells no time changes nothing, unless others have come before", () => {
  const allowance = new Allowance();
  allowance.refused(0, 0, 0);
  expect(allowance.isRecovering(0)).toBe(false);
  allowance.refused(0, 0, 1000);
  expect([allowance.isRecovering(0), allowance.isRecovering(61_000)]).toEqual([true, false]);
});

test("a quota that is known is followed also when no other can be added", () => {
  const allowance = new Allowance();
  const hear = (name: string, remaining: number): void => {
    allowance.hear(allowance.send(0), [{ name, remaining, seconds: 9 }], [], 0);
    allowance.answer(true, 0);
  };
  for (let count = 0; count < 40; count++) hear(`${count}`, 1e6);
  hear("39", 0);
  expect(allowance.next(0)).toBeLessThan(9000);
  hear("3", 0);
  expect(allowance.next(0)).toBe(9000);
});

describe("when all that were under way are answered, it is known what is left", () => {
  test.each([
    ["at first", 0],
    ["again", 1],
    ["after answers that told nothing", 2],
  ])("%s", (_, before) => {
    const allowance = new Allowance();
    const round = (): void => {
      const sent = [allowance.send(0), allowance.send(0), allowance.send(0)];
      sent.forEach((each, at) => {
        const item = { name: "a", remaining: 3 - at, seconds: 2 };
        allowance.hear(each, [item], [{ name: "a", quota: 4, window: 2 }], 5);
        allowance.answer(true, 5);
      });
    };
    if (before === 1) round();
    if (before === 2) {
      const sent = [allowance.send(0), allowance.send(0)];
      for (const _each of sent) allowance.answer(true, 0);
    }
    round();
    // In their order: of the last one it seems as if the two before it had not been counted.
    expect(allowance.next(1500)).toBe(1500);
    allowance.send(1500);
    expect(allowance.next(1500)).toBe(2005);
  });
});

describe("after a refusal that told nothing but a time", () => {
  test("what was under way then makes the pause longer, never shorter, and says nothing of a rate", () => {
    const recovery = new Recovery(1000, 11_000);
    recovery.refused(900, 1100, 31_100);
    expect(recovery.next(1100, 0, 900)).toBe(31_100);
    recovery.refused(900, 1200, 2200);
    expect(recovery.next(1200, 0, 900)).toBe(31_100);
    recovery.served(900, true);
    expect(recovery.next(31_100, 1, 31_100)).toBe(32_100);
    expect([recovery.isOver(91_099), recovery.isOver(91_100)]).toEqual([false, true]);
  });

  test("the rate is what was served between two, but a request in twice the pause at least; it is doubled in time", () => {
    const recovery = new Recovery(1000, 2000);
    recovery.sent(51_000, 0);
    recovery.served(51_000, true);
    recovery.refused(61_000, 61_000, 62_000);
    // 50 s for one: but no more than 2.
    expect(recovery.next(62_000, 0, 62_000)).toBe(64_000);
    expect(recovery.next(112_000, 0, 112_000)).toBe(114_000);
    expect(recovery.next(162_000, 0, 162_000)).toBe(163_000);
  });

  test("the rate is kept for four requests at least", () => {
    const recovery = new Recovery(0, 20_000);
    recovery.sent(25_000, 20_000);
    recovery.served(25_000, true);
    recovery.refused(26_000, 26_000, 46_000);
    // 5 s for one; after 20 s it begins to grow.
    expect(recovery.next(66_000, 0, 66_000)).toBe(71_000);
    expect(recovery.next(86_000, 0, 86_000)).toBe(88_500);
  });

  test("a refusal without a time keeps the time that was asked for before", () => {
    const recovery = new Recovery(0, 1000);
    recovery.sent(51_000, 0);
    recovery.served(51_000, true);
    recovery.refused(61_000, 61_000, 61_000);
    expect(recovery.next(61_000, 0, 61_000)).toBe(63_000);
  });

  test("those who need not wait tell nothing of how many may wait for one another", () => {
    const recovery = new Recovery(0, 1000);
    for (let count = 0; count < 9; count++) recovery.served(1000, false);
    expect(recovery.next(2000, 1, 2000)).toBe(3000);
    for (let count = 0; count < 6; count++) recovery.served(1000, true);
    expect([recovery.next(2000, 3, 2000), recovery.next(2000, 4, 2000)]).toEqual([2000, 2250]);
  });
});

describe("a gate", () => {
  test("lets nobody overtake those who wait, also when their time has come and no timer has told it yet", async () => {
    const clock = new ManualClock();
    const gate = new Gate(clock);
    gate.pause(1000);
    const arrival = { source: undefined, since: 0, deadline: Infinity, late: () => new Error("late") };
    const waiting = gate.enter(arrival);
    clock.sleepSync(2000);
    expect(gate.tryEnter()).toBeUndefined();
    await clock.advance(0);
    expect(await waiting).toMatchObject({ at: 2000, isHeld: true });
    expect(gate.queued).toBe(0);
  });

  test("refuses whom a pause leaves no time, and not who has just enough", async () => {
    const clock = new ManualClock();
    await clock.advance("5s");
    const gate = new Gate(clock);
    gate.pause(8000);
    const late = (wait: number): unknown => new Error(`late by ${wait}`);
    const arrival = { source: undefined, since: 5000, late };
    expect(() => gate.enter({ ...arrival, deadline: 7999 })).toThrow("late by 3000");
    const enters = gate.enter({ ...arrival, deadline: 8000 });
    gate.pause(7000);
    expect([gate.queued, gate.wait, gate.isIdle]).toEqual([1, 3, false]);
    await clock.advance("3s");
    expect(await enters).toMatchObject({ at: 8000 });
    gate.allowance.answer(true, 8000);
    expect([gate.wait, gate.isIdle]).toEqual([0, true]);
  });
});
