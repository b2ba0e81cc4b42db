import vm from "node:vm";
import { describe, expect, test } from "vitest";
import { isError } from "../../src/kernel/is-error.js";

describe("isError", () => {
  test.each([
    ["an error", new Error("x")],
    ["a subclass", new RangeError("x")],
    ["an error of another realm", vm.runInNewContext("new Error('x')")],
    ["a subclass of another realm", vm.runInNewContext("new (class Mine extends TypeError {})('x')")],
    ["an error by inheritance alone", Object.create(Error.prototype)],
    ["a DOMException", AbortSignal.abort().reason],
    ["an error behind a proxy", new Proxy(new Error("x"), {})],
  ])("takes %s for one", (_, value) => {
    expect(isError(value)).toBe(true);
  });

  test.each([
    ["undefined", undefined],
    ["null", null],
    ["a string", "Error"],
    ["an object with a message", { name: "Error", message: "x" }],
    ["the class", Error],
  ])("does not take %s for one", (_, value) => {
    expect(isError(value)).toBe(false);
  });
});
