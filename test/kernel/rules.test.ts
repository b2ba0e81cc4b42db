import { describe, expect, test } from "vitest";
import {
  callback,
  choice,
  custom,
  duration,
  flag,
  having,
  integer,
  numberAbove,
  numberFrom,
  optional,
  type Rule,
  text,
} from "../../src/kernel/rules.js";

interface Lamp {
  on(): void;
  off(): void;
}
const lamp: Lamp = { on: () => {}, off: () => {} };
const noop = (): void => {};

const rules = {
  integer: integer(5, 1),
  "integer up to": integer(5, 1, 10),
  "number above": numberAbove(1, 0),
  "number above, up to": numberAbove(0.5, 0, 1),
  "number from": numberFrom(0, 0),
  "number from to": numberFrom(0, 0, 1),
  text: text("a"),
  flag: flag(false),
  choice: choice("left", ["left", "right"]),
  callback: callback<() => void>(),
  having: having<Lamp>(lamp, "a lamp", ["on", "off"]),
  duration: duration(30),
} satisfies Record<string, Rule<unknown>>;

describe("a rule", () => {
  test.each<[keyof typeof rules, readonly unknown[]]>([
    ["integer", [1, 5, Number.MAX_SAFE_INTEGER]],
    ["integer up to", [1, 10]],
    ["number above", [Number.MIN_VALUE, 0.5, Number.MAX_VALUE]],
    ["number above, up to", [0.001, 1]],
    ["number from", [0, 0.5, Number.MAX_VALUE]],
    ["number from to", [0, 1]],
    ["text", ["a", " "]],
    ["flag", [true, false]],
    ["choice", ["left", "right"]],
    ["callback", [noop]],
    ["having", [lamp]],
  ])("of %s takes what is allowed as it is", (name, values) => {
    for (const value of values) expect(rules[name].parse(value, "it")).toBe(value);
  });

  const never = [null, {}, [], Symbol("x"), 5n, "5", "", "NaN"];
  const notANumber = [...never, true, noop];
  const badNumbers = [Number.NaN, Infinity, -Infinity, -1];
  test.each<[keyof typeof rules, string, readonly unknown[], readonly unknown[]]>([
    ["integer", "a whole number of at least 1", notANumber, [...badNumbers, 0, 1.5, 2 ** 53]],
    ["integer up to", "a whole number from 1 to 10", notANumber, [...badNumbers, 0, 11]],
    ["number above", "a number above 0", notANumber, [...badNumbers, 0, -0]],
    ["number above, up to", "a number above 0, up to 1", notANumber, [...badNumbers, 0, 1.0001]],
    ["number from", "a number of at least 0", notANumber, badNumbers],
    ["number from to", "a number from 0 to 1", notANumber, [...badNumbers, 1.0001]],
    ["text", "a non-empty string", [null, {}, [], 5, true, noop], [""]],
    ["flag", "true or false", [null, {}, [], 0, 1, "true", "false", noop], []],
    ["choice", 'one of "left", "right"', [null, {}, [], 5, true, noop], ["up", "LEFT", ""]],
    ["callback", "a function", [null, {}, [], 5, "noop", true], []],
    ["having", "a lamp with on, off", [null, 5, "lamp", true, noop], [{}, [], { on: noop, off: 1 }]],
  ])("of %s refuses the rest, by name, value and what is allowed", (name, allowed, wrongType, outOfRange) => {
    const rule = rules[name];
    expect(rule.allowed).toBe(allowed);
    for (const value of wrongType) {
      expect(() => rule.parse(value, "maxOfIt")).toThrow(TypeError);
      expect(() => rule.parse(value, "maxOfIt")).toThrow(`maxOfIt must be ${allowed}; got `);
    }
    for (const value of outOfRange) {
      expect(() => rule.parse(value, "maxOfIt")).toThrow(RangeError);
      expect(() => rule.parse(value, "maxOfIt")).toThrow(`maxOfIt must be ${allowed}; got `);
    }
  });

  test("of a duration gives milliseconds and names the option", () => {
    expect(rules.duration.parse("1m", "timeout")).toBe(60_000);
    expect(rules.duration.parse(rules.duration.fallback, "timeout")).toBe(30_000);
    expect(() => rules.duration.parse(-1, "timeout")).toThrow(/^timeout must be a duration above 0/);
  });

  test("says how a file writes the option", () => {
    const unbounded = Number.MAX_VALUE;
    expect(rules.integer.file).toEqual({
      kind: "number",
      integer: true,
      min: 1,
      max: Number.MAX_SAFE_INTEGER,
      above: false,
    });
    expect(rules["number above"].file).toEqual({
      kind: "number",
      integer: false,
      min: 0,
      max: unbounded,
      above: true,
    });
    expect(rules["number from to"].file).toEqual({
      kind: "number",
      integer: false,
      min: 0,
      max: 1,
      above: false,
    });
    expect(rules.text.file).toEqual({ kind: "text" });
    expect(rules.flag.file).toEqual({ kind: "boolean" });
    expect(rules.choice.file).toEqual({ kind: "choice", values: ["left", "right"] });
    expect(duration(1, { zero: true, long: true }).file).toEqual({
      kind: "duration",
      zero: true,
      long: true,
    });
    expect(duration(1).file).toEqual({ kind: "duration", zero: false, long: false });
  });

  test("of what only code can give has no place in a file", () => {
    expect(rules.callback.file).toBeUndefined();
    expect(rules.having.file).toBeUndefined();
    expect(custom({ allowed: "anything", parse: (value) => value }).file).toBeUndefined();
  });

  test("that is optional has no default and the same checks", () => {
    const rule = optional(rules.integer);
    expect(rule.fallback).toBeUndefined();
    expect(rule.parse(3, "it")).toBe(3);
    expect(() => rule.parse(0, "it")).toThrow("it must be a whole number of at least 1; got 0.");
    expect(rule.file).toEqual(rules.integer.file);
  });

  test("of its own shape keeps its parts", () => {
    const file = { kind: "text" } as const;
    const rule = custom({
      fallback: "a",
      allowed: "a letter",
      file,
      parse: (value, label) => `${label}:${String(value)}`,
    });
    expect(rule).toMatchObject({ fallback: "a", allowed: "a letter", file });
    expect(rule.parse("b", "letter")).toBe("letter:b");
    expect(custom({ allowed: "anything", parse: noop }).fallback).toBeUndefined();
  });

  test("with a default has one that it allows itself", () => {
    const withDefault = Object.values(rules).filter(({ fallback }) => fallback !== undefined);
    expect(withDefault).toHaveLength(Object.keys(rules).length - 1);
    for (const rule of withDefault) expect(() => rule.parse(rule.fallback, "it")).not.toThrow();
  });
});
