import { expect, test } from "vitest";
import { Allowance, type Sent } from "../../../src/http/client/allowance.js";
import type { RateLimitItem } from "../../../src/http/fields.js";

/** An allowance to which the server has told that its bucket holds 4 and gains 2 a second; the first is answered at 0. */
function begun() {
  const allowance = new Allowance();
  const answer = (sent: Sent, remaining: number, seconds: number, now: number): void => {
    allowance.hear(sent, [{ name: "a", remaining, seconds }], [{ name: "a", quota: 4, window: 2 }], now);
    allowance.answer(true, now);
  };
  return { allowance, answer };
}

/** Answers a first request so that there is no limit. */
function unlimited(): Allowance {
  const allowance = new Allowance();
  allowance.send(0);
  allowance.answer(true, 0);
  return allowance;
}

test("an answer that was overtaken does not bring the end of the wait forward", () => {
  const { allowance, answer } = begun();
  const sent = [allowance.send(0), allowance.send(0), allowance.send(0), allowance.send(0)] as const;
  answer(sent[3], 0, 2, 5);
  answer(sent[2], 1, 2, 5);
  answer(sent[1], 2, 1, 5);
  answer(sent[0], 3, 1, 5);
  expect(allowance.next(1006)).toBe(2005);
  expect(allowance.next(2005)).toBe(2005);
});

test("what is under way is counted as if the server had not counted it", () => {
  const { allowance, answer } = begun();
  const first = allowance.send(0);
  allowance.send(0);
  allowance.send(0);
  answer(first, 3, 1, 5);
  // Of 3 two may be used by those that are under way.
  expect(allowance.next(1000)).toBe(1000);
  allowance.send(1000);
  expect(allowance.next(1004)).toBeGreaterThanOrEqual(1005);
});

test("when nothing is under way, the least that was left is known to be there", () => {
  const { allowance, answer } = begun();
  const sent = [allowance.send(0), allowance.send(0), allowance.send(0)] as const;
  answer(sent[2], 1, 2, 5);
  answer(sent[1], 2, 1, 5);
  answer(sent[0], 3, 1, 5);
  expect(allowance.next(1500)).toBe(1500);
  allowance.send(1500);
  expect(allowance.next(1500)).toBe(2005);
});

test("unless one of them was answered without a field", () => {
  const { allowance, answer } = begun();
  const sent = [allowance.send(0), allowance.send(0), allowance.send(0)] as const;
  answer(sent[1], 2, 1, 5);
  answer(sent[0], 3, 1, 5);
  allowance.answer(false, 5);
  // Only what is sure without it.
  allowance.send(500);
  expect(allowance.next(500)).toBeGreaterThan(1000);
});

test("after t nothing is taken for restored: one request goes ahead, for a second at most", () => {
  const { allowance, answer } = begun();
  answer(allowance.send(0), 0, 2, 0);
  expect(allowance.next(100)).toBe(2000);
  const ahead = allowance.send(2000);
  expect(allowance.next(2001)).toBe(3000);
  answer(ahead, 0, 2, 2010);
  expect(allowance.next(2010)).toBe(4010);
});

test("a quota that is out of date does not hide another one", () => {
  const allowance = new Allowance();
  const items = [
    { name: "a", remaining: 0, seconds: 9 },
    { name: "b", remaining: 9, seconds: 1 },
  ];
  allowance.hear(allowance.send(0), items, [], 0);
  allowance.answer(true, 0);
  expect(allowance.next(2000)).toBe(9000);
});

test("a quota of which the answer after t tells nothing is no limit any more", () => {
  const { allowance, answer } = begun();
  answer(allowance.send(0), 0, 2, 0);
  allowance.send(2000);
  allowance.answer(false, 2001);
  // The request has failed: still nobody knows.
  expect(allowance.next(2001)).toBe(2001);
  allowance.send(2001);
  expect(allowance.next(2002)).toBe(3001);
  allowance.answer(true, 2003);
  for (let count = 0; count < 10; count++) allowance.send(2003);
  expect(allowance.next(2003)).toBe(2003);
});

test("the less is left, the longer it waits, and never beyond t", () => {
  let wait = 0;
  for (let remaining = 99; remaining > 0; remaining--) {
    const allowance = new Allowance();
    const item = { name: "a", remaining, seconds: Math.ceil((100 - remaining) / 10) };
    allowance.hear(allowance.send(0), [item], [{ name: "a", quota: 100, window: 10 }], 0);
    allowance.answer(true, 0);
    const next = allowance.next(0);
    expect(next).toBeGreaterThanOrEqual(wait);
    expect(next).toBeLessThanOrEqual(10_000);
    wait = next;
  }
  expect(wait).toBeGreaterThan(1000);
});

test.each([
  ["half of a quota for a day", 50_000, 43_200, 100_000, 86_400, 800, 1000],
  ["a fifth of a quota for an hour", 200, 2880, 1000, 3600, 10_000, 60_000],
])("%s is spread, not kept for later", (_, remaining, seconds, quota, window, least, most) => {
  const allowance = new Allowance();
  const hear = (now: number): void => {
    const item = { name: "a", remaining, seconds };
    allowance.hear(allowance.send(now), [item], [{ name: "a", quota, window }], now);
    allowance.answer(true, now);
  };
  hear(0);
  const wait = allowance.next(0);
  expect(wait).toBeGreaterThan(least);
  expect(wait).toBeLessThan(most);
});

test("what is left is counted in requests of the highest cost that was told", () => {
  const allowance = new Allowance();
  const hear = (remaining: number, quota: number): void => {
    const item = { name: "a", remaining, seconds: 10 };
    allowance.hear(allowance.send(0), [item], [{ name: "a", quota, window: 10 }], 0);
    allowance.answer(true, 0);
  };
  // Of a bucket of 100: a request that costs 50, and one that costs 1.
  hear(1, 2);
  hear(49, 100);
  expect(allowance.next(1)).toBe(10_000);
});

test("who has seen that others use the quota has few requests under way", () => {
  const ways = (lost: number): number => {
    const allowance = new Allowance();
    let remaining = 1000;
    const answer = (sent: Sent, used: number, now: number): void => {
      remaining -= used;
      const item = { name: "a", remaining, seconds: 1 };
      allowance.hear(sent, [item], [{ name: "a", quota: 1000, window: 1000 }], now);
      allowance.answer(true, now);
    };
    for (let now = 0; now < 10; now++) answer(allowance.send(now), 1 + lost, now);
    let count = 0;
    while (allowance.next(10) <= 10) {
      allowance.send(10);
      count++;
    }
    return count;
  };
  expect(ways(0)).toBeGreaterThan(10);
  expect(ways(20)).toBeGreaterThan(0);
  expect(ways(20)).toBeLessThan(ways(0));
});

test("a server that invents names and partitions takes no more memory and time than one that has many", () => {
  const allowance = unlimited();
  for (let count = 0; count < 1000; count++) {
    const items: RateLimitItem[] = [
      { name: `a${count}`, remaining: 1e9, seconds: 1e9 },
      { name: "b", remaining: 1e9, seconds: 1e9, partition: Uint8Array.of(count % 256, count >> 8) },
    ];
    allowance.hear(allowance.send(count), items, [], count);
    allowance.answer(true, count);
  }
  expect(allowance.quotas).toBe(32);
});

test("of two partitions both are kept to: nobody knows which one the next request is of", () => {
  const allowance = unlimited();
  const items = [
    { name: "a", remaining: 0, seconds: 9, partition: Uint8Array.of(1) },
    { name: "a", remaining: 8, seconds: 1, partition: Uint8Array.of(2) },
  ];
  for (const item of items) {
    allowance.hear(allowance.send(0), [item], [{ name: "a", quota: 9, window: 9 }], 0);
    allowance.answer(true, 0);
  }
  expect(allowance.next(0)).toBe(9000);
});
