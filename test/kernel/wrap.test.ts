import { describe, expect, expectTypeOf, test } from "vitest";
import { disposable } from "../../src/kernel/disposable.js";
import {
  type AnyFunction,
  type AsyncDecorator,
  decorator,
  disguise,
  type SyncDecorator,
} from "../../src/kernel/wrap.js";

interface Extra {
  readonly calls: unknown[];
}

/** A decorator as a pattern makes it: notes the calls and passes `this` on. */
function noting(): AsyncDecorator<Extra> & SyncDecorator<Extra> {
  const wrap = (fn: AnyFunction): AnyFunction => {
    const calls: unknown[] = [];
    const wrapper = function (this: never, ...args: never[]): unknown {
      calls.push(args);
      return Reflect.apply(fn, this, args);
    };
    return disguise(wrapper, fn, { calls });
  };
  return decorator("noting", wrap) as AsyncDecorator<Extra> & SyncDecorator<Extra>;
}
const async = (): AsyncDecorator<Extra> => noting();
const sync = (): SyncDecorator<Extra> => noting();

describe("a wrapper", () => {
  test("has the name and the number of parameters of what it wraps, and its extras", () => {
    const wrapped = sync()(function add(one: number, two: number): number {
      return one + two;
    });
    expect(wrapped.name).toBe("add");
    expect(wrapped.length).toBe(2);
    expect(wrapped(1, 2)).toBe(3);
    expect(wrapped.calls).toEqual([[1, 2]]);
    expect(Object.keys(wrapped)).toEqual(["calls"]);
    expect(Reflect.set(wrapped, "calls", [])).toBe(false);
  });

  test("keeps the types of the parameters and of the result", () => {
    const wrappedAsync = async()((text: string, times?: number) => text.repeat(times ?? 1));
    expectTypeOf(wrappedAsync).parameters.toEqualTypeOf<[text: string, times?: number | undefined]>();
    expectTypeOf(wrappedAsync).returns.toEqualTypeOf<Promise<string>>();
    const wrappedSync = sync()((text: string) => text.length);
    expectTypeOf(wrappedSync).returns.toEqualTypeOf<number>();
  });

  test("passes `this` on to a method", async () => {
    class Account {
      #balance = 5;

      @async()
      async balance(factor: number): Promise<number> {
        return this.#balance * factor;
      }

      @sync()
      balanceNow(): number {
        return this.#balance;
      }

      @sync()
      static open(): string {
        return this.name;
      }
    }
    expect(await new Account().balance(2)).toBe(10);
    expect(new Account().balanceNow()).toBe(5);
    expect(Account.open()).toBe("Account");
    expect(Account.prototype.balance.name).toBe("balance");
  });

  test.each([
    ["getter", '@noting decorates methods; got "getter".'],
    ["class", '@noting decorates methods; got "class".'],
    ["field", '@noting decorates methods; got "field".'],
  ])("is not for a %s", (kind, message) => {
    expect(() => Reflect.apply(noting(), undefined, [() => {}, { kind }])).toThrow(new TypeError(message));
  });

  describe("under experimentalDecorators", () => {
    const decorate = (...args: unknown[]): unknown => Reflect.apply(noting(), undefined, args);

    test.each(["method", Symbol("method")])("gives a descriptor with the wrapped method of %o", (key) => {
      const method = (): number => 1;
      const given = { value: method, writable: true, enumerable: false, configurable: true };
      const made = decorate({}, key, given) as PropertyDescriptor;
      expect(made).toEqual({ ...given, value: expect.any(Function) as unknown });
      expect(made.value).not.toBe(method);
    });

    test.each([
      ["a property", ["price", undefined], "price"],
      ["a property of Babel", ["price", { initializer: () => 1 }], "price"],
      ["an accessor", ["price", { get: () => 1 }], "price"],
      ["a parameter", ["method", 0], "method"],
    ])("refuses %s", (_what, [key, descriptor], name) => {
      expect(() => decorate({}, key, descriptor)).toThrow(
        new TypeError(`@noting decorates methods; got "${name}", which is none.`),
      );
    });
  });

  test.each([undefined, null, 5, "fn", {}])("is made of a function, not of %o", (value) => {
    expect(() => Reflect.apply(noting(), undefined, [value])).toThrow(/^noting needs a function; got /);
  });
});

describe("a disposable", () => {
  test("releases once, however often it is disposed of", () => {
    let released = 0;
    const one = disposable(() => released++);
    expect(released).toBe(0);
    {
      using scoped = one;
      expect(scoped).toBe(one);
    }
    one[Symbol.dispose]();
    expect(released).toBe(1);
  });

  test("whose release throws does not try again", () => {
    let tried = 0;
    const one = disposable(() => {
      tried++;
      throw new Error("stuck");
    });
    expect(() => one[Symbol.dispose]()).toThrow("stuck");
    one[Symbol.dispose]();
    expect(tried).toBe(1);
  });
});
