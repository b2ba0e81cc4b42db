import { expect, test } from "vitest";
import { Allowance, type Sent } from "../../../src/http/client/allowance.js";

/** An allowance to which the server has told that its bucket holds 4 and gains 2 a second. */
function begun() {
  const allowance = new Allowance();
  const answer = (sent: Sent, remaining: number, seconds: number, now: number): void => {
    allowance.hear(sent, [{ name: "a", remaining, seconds }], [{ name: "a", quota: 4, window: 2 }], now);
    allowance.answer();
  };
  return { allowance, answer };
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
  expect(allowance.next(5)).toBeLessThan(1005);
  allowance.send(5);
  expect(allowance.next(6)).toBe(1005);
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
  allowance.answer();
  // Only what is sure without it.
  allowance.send(500);
  expect(allowance.next(500)).toBe(1005);
});
