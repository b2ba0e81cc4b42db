import { describe, expect, test } from "vitest";
import { CircuitOpenError } from "../../src/circuit-breaker/errors.js";
import { brandError, ResilienceError } from "../../src/kernel/errors.js";
import { show } from "../../src/kernel/show.js";
import { isThenable } from "../../src/kernel/thenable.js";

class DoorError extends ResilienceError {
  constructor(message: string, options?: ErrorOptions) {
    super("ERR_DOOR", message, options);
  }
}
brandError(DoorError, "DoorError");

describe("an error of the library", () => {
  const cause = new Error("why");
  const error = new DoorError("stuck", { cause });

  test("has a code, its own name, its message, its cause and a stack", () => {
    expect(error).toMatchObject({ code: "ERR_DOOR", name: "DoorError", message: "stuck", cause });
    expect(String(error)).toBe("DoorError: stuck");
    expect(error.stack).toContain("errors.test.ts");
    expect("cause" in new DoorError("stuck")).toBe(false);
  });

  test("as JSON has its name, its message and what JSON has no number for", () => {
    expect(JSON.parse(JSON.stringify([error]))).toEqual([
      { name: "DoorError", message: "stuck", code: "ERR_DOOR" },
    ]);
    const open = new CircuitOpenError("exchange", Infinity, "isolated");
    expect(JSON.parse(JSON.stringify(open))).toMatchObject({
      circuitName: "exchange",
      remainingSeconds: "Infinity",
    });
  });

  test("is an instance of its class and of every base, and of no other", () => {
    class OtherError extends ResilienceError {}
    brandError(OtherError, "OtherError");
    expect(error).toBeInstanceOf(DoorError);
    expect(error).toBeInstanceOf(ResilienceError);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(OtherError);
    expect(new ResilienceError("ERR", "base")).not.toBeInstanceOf(DoorError);
  });

  test("is an instance of the same class in another copy of the package", () => {
    class Copy extends ResilienceError {}
    brandError(Copy, "DoorError");
    expect(error).toBeInstanceOf(Copy);
    expect(new Copy("ERR_DOOR", "stuck")).toBeInstanceOf(DoorError);
  });

  test("is not what a value is that only looks like one", () => {
    for (const value of [null, undefined, 5, "ERR_DOOR", () => {}, { code: "ERR_DOOR", name: "DoorError" }]) {
      expect(value instanceof ResilienceError).toBe(false);
    }
    expect(new Error("plain")).not.toBeInstanceOf(ResilienceError);
  });

  test("can be extended by an application, whose class is judged as any class is", () => {
    class Mine extends DoorError {}
    class Other extends DoorError {}
    const mine = new Mine("mine");
    expect(mine).toBeInstanceOf(Mine);
    expect(mine).toBeInstanceOf(DoorError);
    expect(error).not.toBeInstanceOf(Mine);
    expect(mine).not.toBeInstanceOf(Other);
  });
});

describe("a value in a message", () => {
  test.each([
    ["text", '"text"'],
    ['quo"te\n', String.raw`"quo\"te\n"`],
    ["x".repeat(41), `"${"x".repeat(40)}…"`],
    ["x".repeat(40), `"${"x".repeat(40)}"`],
    [5, "5"],
    [-0, "0"],
    [Number.NaN, "NaN"],
    [5n, "5n"],
    [true, "true"],
    [undefined, "undefined"],
    [null, "null"],
    [Symbol("s"), "Symbol(s)"],
    [() => "secret", "a function"],
    [{ password: "secret" }, "an object"],
    [["secret"], "an array"],
    [new Date(0), "an object"],
  ])("%o is shown short, without the contents of an object", (value, shown) => {
    expect(show(value)).toBe(shown);
  });
});

describe("a thenable", () => {
  const then = (): void => {};
  test.each([
    [Promise.resolve(), true],
    // oxlint-disable-next-line unicorn/no-thenable
    [{ then }, true],
    // oxlint-disable-next-line unicorn/no-thenable
    [Object.assign(() => {}, { then }), true],
    // oxlint-disable-next-line unicorn/no-thenable
    [{ then: 5 }, false],
    [{}, false],
    [null, false],
    [undefined, false],
    ["then", false],
    [() => {}, false],
  ])("%# is recognised by its method", (value, expected) => {
    expect(isThenable(value)).toBe(expected);
  });
});

test("an error is JSON whatever was attached to it: a circle, itself, what JSON does not have", () => {
  const circle: { own?: unknown } = {};
  circle.own = circle;
  const least = { name: "CircuitOpenError", message: expect.any(String), code: "ERR_CIRCUIT_OPEN" };
  const whole = { ...least, circuitName: "a", remainingSeconds: 1, refused: true, retryAfter: 1 };
  const json = (attached: (error: Error) => unknown): unknown => {
    const error = new CircuitOpenError("a", 1);
    return JSON.parse(JSON.stringify({ error: Object.assign(error, { attached: attached(error) }) }));
  };
  expect(json(() => circle)).toEqual({ error: least });
  expect(json(() => 1n)).toEqual({ error: least });
  expect(json((error) => ({ error }))).toEqual({ error: { ...whole, attached: { error: least } } });
});
