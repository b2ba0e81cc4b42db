import { getEventListeners } from "node:events";
import { describe, expect, test, vi } from "vitest";
import { type ExecuteOptions, readContext } from "../../src/kernel/context.js";
import { checkFunction, runAbortable } from "../../src/kernel/policy.js";

const listeners = (signal: AbortSignal): number => getEventListeners(signal, "abort").length;
const never = (): Promise<never> => new Promise(() => {});

describe("an abortable run", () => {
  test.each([
    ["a value", () => 5],
    ["a promise", () => Promise.resolve(5)],
    // oxlint-disable-next-line unicorn/no-thenable
    ["a thenable", () => ({ then: (resolve: (value: number) => void) => resolve(5) }) as PromiseLike<number>],
  ])("settles as its function does: %s", async (_what, fn) => {
    await expect(runAbortable(fn, undefined)).resolves.toBe(5);
    await expect(runAbortable(fn, new AbortController().signal)).resolves.toBe(5);
  });

  test.each([
    [
      "throws",
      () => {
        throw new Error("mine");
      },
    ],
    ["rejects", () => Promise.reject(new Error("mine"))],
  ])("rejects and never throws when its function %s", async (_what, fn) => {
    const { signal } = new AbortController();
    await expect(runAbortable(fn, undefined)).rejects.toThrow("mine");
    await expect(runAbortable(fn, signal)).rejects.toThrow("mine");
    expect(listeners(signal)).toBe(0);
  });

  test("rejects with the reason at once when the signal aborts, whatever the function does", async () => {
    const controller = new AbortController();
    const reason = { why: "enough" };
    const run = runAbortable(never, controller.signal);
    expect(listeners(controller.signal)).toBe(1);
    controller.abort(reason);
    await expect(run).rejects.toBe(reason);
    expect(listeners(controller.signal)).toBe(0);
  });

  test("rejects with the reason when its function aborts the signal itself", async () => {
    const controller = new AbortController();
    const run = runAbortable(() => {
      controller.abort("from inside");
      return 5;
    }, controller.signal);
    await expect(run).rejects.toBe("from inside");
    expect(listeners(controller.signal)).toBe(0);
  });

  test("leaves no listener on a signal that lives on, after a thousand runs", async () => {
    const { signal } = new AbortController();
    const runs = Array.from({ length: 1000 }, (_, index) =>
      runAbortable(
        () => (index % 2 === 0 ? Promise.resolve(index) : Promise.reject(new Error("odd"))),
        signal,
      ),
    );
    await Promise.allSettled(runs);
    await Promise.resolve();
    expect(listeners(signal)).toBe(0);
  });

  test("needs one listener of a signal, however many share it: a warning of a leak would be wrong", async () => {
    const warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const controller = new AbortController();
    const finish: ((value: number) => void)[] = [];
    const runs = Array.from({ length: 100 }, () =>
      runAbortable(() => new Promise<number>((resolve) => finish.push(resolve)), controller.signal),
    );
    expect(listeners(controller.signal)).toBe(1);
    for (const resolve of finish.slice(0, 99)) resolve(5);
    await Promise.all(runs.slice(0, 99));
    expect(listeners(controller.signal)).toBe(1);
    controller.abort("over");
    expect(await Promise.allSettled(runs.slice(99))).toEqual([{ status: "rejected", reason: "over" }]);
    expect(listeners(controller.signal)).toBe(0);
    expect(warnings).not.toHaveBeenCalled();
    warnings.mockRestore();
  });

  test("puts no listener on a signal that is aborted already", async () => {
    const signal = AbortSignal.abort("before");
    await expect(runAbortable(never, signal)).rejects.toBe("before");
    expect(listeners(signal)).toBe(0);
  });

  test("rejects with the reason when its function aborts the signal and then fails", async () => {
    const controller = new AbortController();
    const run = runAbortable(() => {
      controller.abort("from inside");
      throw new Error("own");
    }, controller.signal);
    await expect(run).rejects.toBe("from inside");
    expect(listeners(controller.signal)).toBe(0);
  });

  test.each([
    [true, { status: "fulfilled", value: 5 }, [["returned", 5]]],
    [false, { status: "rejected", reason: "enough" }, [["release"]]],
  ])(
    "settles what it holds as its promise: the value was there a while before the abort: %o",
    async (isEarlier, outcome, expected) => {
      const settled: unknown[] = [];
      const held = {
        returned: (value: unknown) => settled.push(["returned", value]),
        failure: (error: unknown) => settled.push(["failure", error]),
        release: () => settled.push(["release"]),
      };
      const controller = new AbortController();
      let finish: (value: number) => void = () => {};
      const running = new Promise<number>((resolve) => {
        finish = resolve;
      });
      const run = runAbortable(() => running, controller.signal, held);
      finish(5);
      if (isEarlier) await running;
      controller.abort("enough");
      expect(await Promise.allSettled([run])).toEqual([outcome]);
      expect(settled.slice(0, 1)).toEqual(expected);
    },
  );

  test("makes no unhandled rejection of a failure that comes after the abort", async () => {
    const unhandled = vi.fn<() => void>();
    process.on("unhandledRejection", unhandled);
    const controller = new AbortController();
    let fail: (error: Error) => void = () => {};
    const run = runAbortable(
      () =>
        new Promise((_resolve, reject) => {
          fail = reject;
        }),
      controller.signal,
    );
    controller.abort(new Error("aborted"));
    await expect(run).rejects.toThrow("aborted");
    fail(new Error("too late"));
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });
});

describe("the checks of arguments", () => {
  test("let an AbortSignal pass, of whatever make, and its absence", () => {
    const own = { aborted: false, addEventListener: () => {} };
    for (const signal of [undefined, new AbortController().signal, AbortSignal.abort(), own]) {
      expect(() => readContext("execute", { signal } as ExecuteOptions)).not.toThrow();
    }
  });

  test.each([
    [null, "null"],
    [5, "5"],
    [{}, "an object"],
    [new AbortController(), "an object"],
    [{ aborted: false }, "an object"],
    [{ addEventListener: () => {} }, "an object"],
    [() => {}, "a function"],
  ])("refuse %o as a signal", (signal, shown) => {
    expect(() => readContext("execute", { signal } as ExecuteOptions)).toThrow(
      new TypeError(`signal must be an AbortSignal; got ${shown}.`),
    );
  });

  test.each([
    [null, "null"],
    [undefined, "undefined"],
    ["fn", '"fn"'],
    [Promise.resolve(), "an object"],
  ])("refuse %o as a function", (value, shown) => {
    expect(() => checkFunction(value, "call")).toThrow(new TypeError(`call needs a function; got ${shown}.`));
    expect(() => checkFunction(() => {}, "call")).not.toThrow();
  });
});
