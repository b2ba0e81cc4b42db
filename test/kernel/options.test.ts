import { afterEach, describe, expect, test } from "vitest";
import { configuredLayers, currentConfiguration, pushConfiguration } from "../../src/kernel/configured.js";
import { type OptionRules, resolveOptions } from "../../src/kernel/options.js";
import { duration, integer, optional, text } from "../../src/kernel/rules.js";

interface KettleSettings {
  readonly name: string;
  readonly timeout: number;
  readonly maxCups: number | undefined;
}
const rules: OptionRules<KettleSettings> = {
  name: text("kettle"),
  timeout: duration(30),
  maxCups: optional(integer(undefined, 1)),
};
const resolve = (given?: object, layers?: readonly Record<string, unknown>[]): Readonly<KettleSettings> =>
  resolveOptions("Kettle", rules, given, layers);

describe("options", () => {
  test("that are not given have their defaults, and no key without one", () => {
    expect(resolve()).toEqual({ name: "kettle", timeout: 30_000 });
    expect(resolve({})).toEqual({ name: "kettle", timeout: 30_000 });
    expect(Object.keys(resolve())).not.toContain("maxCups");
  });

  test("of undefined are not given", () => {
    expect(resolve({ timeout: undefined, maxCups: undefined })).toEqual({ name: "kettle", timeout: 30_000 });
  });

  test("come frozen, and the given object stays as it was", () => {
    const given = Object.freeze({ timeout: "1m" });
    const settings = resolve(given);
    expect(settings.timeout).toBe(60_000);
    expect(Object.isFrozen(settings)).toBe(true);
    expect(given).toEqual({ timeout: "1m" });
  });

  test("are read once", () => {
    let reads = 0;
    const given = {
      get maxCups(): number {
        reads++;
        return reads;
      },
    };
    expect(resolve(given).maxCups).toBe(1);
    expect(reads).toBe(1);
  });

  test("are read once, the name that the configuration knows them by too", () => {
    using _pushed = pushConfiguration({
      watchdog: { timeout: 1, instances: { first: { maxCups: 1 }, second: { maxCups: 2 } } },
    });
    const names = ["first", "second"];
    const given = {
      get name(): string | undefined {
        return names.shift();
      },
    };
    const settings = resolveOptions("Kettle", rules, given, "watchdog");
    expect(settings).toEqual({ name: "first", timeout: 1000, maxCups: 1 });
    expect(names).toEqual(["second"]);
  });

  test("are own properties: what is inherited is not looked at", () => {
    const inherited = { name: "heir", maxCups: 2 };
    Object.assign(Object.prototype, inherited);
    try {
      expect(resolve({ timeout: 1 }, [{ timeout: 2 }])).toEqual({ name: "kettle", timeout: 1000 });
      using _pushed = pushConfiguration({ watchdog: { instances: { heir: { timeout: 5 } } } });
      expect(resolveOptions("Kettle", rules, {}, "watchdog").timeout).toBe(30_000);
    } finally {
      for (const key of Object.keys(inherited)) Reflect.deleteProperty(Object.prototype, key);
    }
    expect(resolve(Object.create({ timeout: 7 }))).toEqual({ name: "kettle", timeout: 30_000 });
    expect(resolve(Object.assign(Object.create(null), { timeout: 7 })).timeout).toBe(7000);
  });

  test("win over the configuration, whose later layers win over its earlier ones", () => {
    const layers = [
      { timeout: 1, maxCups: 2 },
      { timeout: 3, maxCups: undefined },
    ];
    expect(resolve({}, layers)).toEqual({ name: "kettle", timeout: 3000, maxCups: 2 });
    expect(resolve({ timeout: 5 }, layers).timeout).toBe(5000);
  });

  test("of the configuration are checked too", () => {
    expect(() => resolve({}, [{ maxCups: 0 }])).toThrow(
      "maxCups must be a whole number of at least 1; got 0.",
    );
  });

  test.each([
    [null, "the options of Kettle must be a plain object; got null."],
    [5, "the options of Kettle must be a plain object; got 5."],
    ["fast", 'the options of Kettle must be a plain object; got "fast".'],
    [[], "the options of Kettle must be a plain object; got an array."],
    [() => {}, "the options of Kettle must be a plain object; got a function."],
    [new Date(), "the options of Kettle must be a plain object; got an object."],
    [new Map(), "the options of Kettle must be a plain object; got an object."],
    [Object(5), "the options of Kettle must be a plain object; got an object."],
    [new AbortController().signal, "the options of Kettle must be a plain object; got an object."],
    [{ timeOut: 5 }, "timeOut is not an option of Kettle; did you mean timeout?"],
    [{ max_cups: 5 }, "max_cups is not an option of Kettle; did you mean maxCups?"],
    [{ colour: "red" }, "colour is not an option of Kettle; allowed are name, timeout, maxCups"],
    [{ toString: 1 }, "toString is not an option of Kettle; allowed are name, timeout, maxCups"],
    [{ timeout: null }, "timeout must be a duration above 0"],
  ])("%o is refused", (given, message) => {
    expect(() => Reflect.apply(resolve, undefined, [given])).toThrow(TypeError);
    expect(() => Reflect.apply(resolve, undefined, [given])).toThrow(message);
  });
});

describe("the configuration of the process", () => {
  const pushed: Disposable[] = [];
  afterEach(() => {
    for (const one of pushed.splice(0)) one[Symbol.dispose]();
  });
  const push = (configuration: Parameters<typeof pushConfiguration>[0]): Disposable => {
    const one = pushConfiguration(configuration);
    pushed.push(one);
    return one;
  };

  test("is empty until one is pushed, and again when it is taken back", () => {
    expect(currentConfiguration()).toEqual({});
    const one = push({ watchdog: { timeout: 5 } });
    expect(currentConfiguration()).toEqual({ watchdog: { timeout: 5 } });
    one[Symbol.dispose]();
    expect(currentConfiguration()).toEqual({});
  });

  test("taken back out of order leaves the newest of the others", () => {
    const configuration = { watchdog: { timeout: 1 } };
    const first = push(configuration);
    const second = push({ watchdog: { timeout: 2 } });
    push(configuration);
    second[Symbol.dispose]();
    expect(currentConfiguration()).toEqual(configuration);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    expect(currentConfiguration()).toEqual(configuration);
  });

  test("gives an instance its section, then what it says of its name", () => {
    const named = { timeout: 9 };
    const section = { timeout: 1, instances: { exchange: named } };
    push({ watchdog: section });
    expect(configuredLayers("watchdog", { name: "exchange" })).toEqual([section, named]);
    expect(configuredLayers("watchdog", { name: "other" })).toEqual([section]);
    expect(configuredLayers("watchdog", { name: "toString" })).toEqual([section]);
    expect(configuredLayers("watchdog", { name: "__proto__" })).toEqual([section]);
    expect(configuredLayers("watchdog", {})).toEqual([section]);
    for (const given of [undefined, null, 5, "exchange", { name: 5 }]) {
      expect(configuredLayers("watchdog", given)).toEqual([section]);
    }
    expect(configuredLayers("heartbeat", { name: "exchange" })).toEqual([]);
  });
});
