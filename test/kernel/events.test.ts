import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from "vitest";
import { Events } from "../../src/kernel/events.js";

interface DoorEvents {
  open: { readonly by: string };
  close: number;
}

let warnings: MockInstance<typeof process.emitWarning>;
beforeEach(() => {
  warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
});
afterEach(() => {
  warnings.mockRestore();
});

const door = (): Events<DoorEvents> =>
  new Events<DoorEvents>("Door", ["open", "close"], { kind: "watchdog", name: "front" });

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

const refuse = (): never => {
  throw new Error("hands off");
};
const untouchable: object = new Proxy({}, { get: refuse, has: refuse, ownKeys: refuse });

describe("events", () => {
  test("reach their listeners in the order these were added, with the payload itself", () => {
    const events = door();
    const seen: unknown[] = [];
    const payload = { by: "me" };
    events.on("open", (got) => seen.push(["first", got === payload]));
    events.on("open", (got) => seen.push(["second", got === payload]));
    events.on("close", () => seen.push("close"));
    events.emit("open", payload);
    expect(seen).toEqual([
      ["first", true],
      ["second", true],
    ]);
  });

  test("without a listener do nothing, and can tell beforehand", () => {
    const events = door();
    expect(events.has("open")).toBe(false);
    events.emit("open", { by: "me" });
    const listening = events.on("open", () => {});
    expect(events.has("open")).toBe(true);
    expect(events.has("close")).toBe(false);
    listening[Symbol.dispose]();
    expect(events.has("open")).toBe(false);
  });

  test("no longer reach a listener that was disposed of", () => {
    const events = door();
    const listener = vi.fn<() => void>();
    events.on("close", listener)[Symbol.dispose]();
    events.emit("close", 1);
    expect(listener).not.toHaveBeenCalled();
  });

  test("reach a listener added twice two times, and it is removed one at a time", () => {
    const events = door();
    const listener = vi.fn<(count: number) => void>();
    const first = events.on("close", listener);
    events.on("close", listener);
    events.emit("close", 1);
    expect(listener).toHaveBeenCalledTimes(2);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    events.emit("close", 2);
    expect(listener).toHaveBeenCalledTimes(3);
  });

  test("emitted by a listener arrive after the present one has reached everybody", () => {
    const events = door();
    const seen: string[] = [];
    events.on("open", () => {
      seen.push("first hears open");
      events.emit("close", 1);
    });
    events.on("open", () => seen.push("second hears open"));
    events.on("close", (count) => {
      seen.push(`close ${count}`);
      if (count < 3) events.emit("close", count + 1);
    });
    events.emit("open", { by: "me" });
    expect(seen).toEqual(["first hears open", "second hears open", "close 1", "close 2", "close 3"]);
  });

  test("reach the listeners of the moment: one added meanwhile hears the next", () => {
    const events = door();
    const late = vi.fn<(count: number) => void>();
    const once = events.on("close", () => {
      once[Symbol.dispose]();
      events.on("close", late);
    });
    events.emit("close", 1);
    expect(late).not.toHaveBeenCalled();
    events.emit("close", 2);
    expect(late).toHaveBeenCalledExactlyOnceWith(2);
  });

  test("reach the others when a listener throws, and a warning tells of it", () => {
    const events = door();
    const other = vi.fn<(count: number) => void>();
    events.on("close", () => {
      throw new Error("mine");
    });
    events.on("close", other);
    events.emit("close", 1);
    expect(other).toHaveBeenCalledExactlyOnceWith(1);
    expect(warnings).toHaveBeenCalledExactlyOnceWith(
      "a listener of Door's close failed",
      expect.objectContaining({
        type: "ResilienceWarning",
        code: "KSTLIB_LISTENER_FAILED",
        detail: expect.stringContaining("Error: mine"),
      }),
    );
  });

  test("cause a warning and no unhandled rejection when a listener rejects", async () => {
    const unhandled = vi.fn<() => void>();
    process.on("unhandledRejection", unhandled);
    const events = door();
    events.on("close", () => Promise.reject(new Error("later")));
    events.on("close", async () => {
      await Promise.resolve();
      throw null;
    });
    events.emit("close", 1);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
    expect(warnings.mock.calls.map(([message]) => message)).toEqual([
      "a listener of Door's close failed",
      "a listener of Door's close failed: null",
    ]);
  });

  test("go on after an error whose own properties throw", () => {
    const events = door();
    const hostile = new Error("hidden");
    Object.defineProperty(hostile, "stack", {
      get() {
        throw new Error("no stack for you");
      },
    });
    const other = vi.fn<(count: number) => void>();
    events.on("close", () => {
      throw hostile;
    });
    events.on("close", other);
    events.emit("close", 1);
    events.emit("close", 2);
    expect(other.mock.calls).toEqual([[1], [2]]);
  });

  test.each([
    ["a revoked proxy", revoked()],
    ["an object that cannot be looked at", untouchable],
    ["an error that cannot be looked at", Object.setPrototypeOf(untouchable, Error.prototype)],
  ])("go on after %s was thrown", (_what, thrown) => {
    const events = door();
    const other = vi.fn<(count: number) => void>();
    events.on("close", () => {
      throw thrown;
    });
    events.on("close", other);
    events.emit("close", 1);
    expect(other).toHaveBeenCalledExactlyOnceWith(1);
    expect(warnings).toHaveBeenCalledOnce();
  });

  test("go on when not even a warning can be made", () => {
    warnings.mockImplementation(() => {
      throw new Error("no warnings");
    });
    const events = door();
    const other = vi.fn<(count: number) => void>();
    events.on("close", () => {
      throw new Error("mine");
    });
    events.on("close", other);
    events.emit("close", 1);
    expect(other).toHaveBeenCalledExactlyOnceWith(1);
  });

  test("are delivered again after the stack has overflowed during one", () => {
    const events = door();
    let deliveries = 0;
    events.on("close", () => deliveries++);
    const dive = (): void => {
      try {
        dive();
      } catch {
        // Every depth from the last one up gets its turn.
      }
      try {
        events.emit("close", 1);
      } catch {
        // Some had no room.
      }
    };
    dive();
    deliveries = 0;
    events.emit("close", 2);
    expect(deliveries).toBe(1);
  });

  test.each([
    ["opened", "opened is not an event of Door; did you mean open?"],
    ["clsoe", "clsoe is not an event of Door; did you mean close?"],
    ["toString", "toString is not an event of Door; allowed are open, close"],
    [5, "5 is not an event of Door; allowed are open, close"],
    [undefined, "undefined is not an event of Door; allowed are open, close"],
  ])("of the unknown name %j are a mistake of the listener's", (name, message) => {
    const events = door();
    expect(() => Reflect.apply(Reflect.get(events, "on"), events, [name, () => {}])).toThrow(
      new TypeError(message),
    );
  });

  test.each([null, undefined, "listener", {}])("cannot be heard by %o", (listener) => {
    const events = door();
    expect(() => Reflect.apply(Reflect.get(events, "on"), events, ["open", listener])).toThrow(
      /^the listener of open must be a function; got /,
    );
    expect(events.has("open")).toBe(false);
  });
});
