import { setImmediate } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { realClock } from "../../src/kernel/clock.js";
import type { OnSecondSignal, SecondSignal, ShutdownSignal } from "../../src/shutdown/options.js";
import { SignalHistory } from "../../src/shutdown/second-signal.js";
import { ManualClock } from "../../src/testing/manual-clock.js";

interface Options {
  readonly repeatGrace?: number;
  readonly onSecondSignal?: OnSecondSignal;
}

/** The meanings that a shutdown gives to signals at these times, in seconds. */
async function meanings(
  heard: readonly (readonly [at: number, signal: ShutdownSignal])[],
  { repeatGrace = 500, onSecondSignal = "default" }: Options = {},
): Promise<readonly string[]> {
  const clock = new ManualClock();
  const history = new SignalHistory({ clock, signals: ["SIGUSR2"], repeatGrace, onSecondSignal });
  const found: string[] = [];
  let now = 0;
  for (const [at, signal] of heard) {
    await clock.advance(at - now);
    now = at;
    found.push(history.hear(signal, false));
  }
  history.stop();
  expect(clock.pendingTimers).toBe(0);
  return found;
}

describe("a signal after the first", () => {
  test.each<[string, ShutdownSignal[]]>([
    ["by npm, node --watch and dumb-init, beside the terminal", ["SIGINT", "SIGINT"]],
    ["by nodemon, under another name", ["SIGTERM", "SIGINT", "SIGINT"]],
    ["by the end of a terminal's session", ["SIGTERM", "SIGHUP"]],
    ["by foreman, beside the terminal", ["SIGINT", "SIGTERM"]],
  ])("is a copy within the grace: %s", async (_by, [first = "SIGINT", ...copies]) => {
    const found = await meanings([[0, first], ...copies.map((signal) => [0.499, signal] as const)]);
    expect(found).toEqual(["first", ...copies.map(() => "copy")]);
  });

  test.each<[ShutdownSignal, string]>([
    ["SIGINT", "exit"],
    ["SIGQUIT", "exit"],
    ["SIGBREAK", "exit"],
    ["SIGTERM", "ignore"],
    ["SIGHUP", "ignore"],
    ["SIGUSR2", "ignore"],
  ])("ends the process at once after the grace when it is typed: %s", async (signal, expected) => {
    for (const first of ["SIGTERM", "SIGINT", signal] as const) {
      expect(
        await meanings([
          [0, first],
          [0.5, signal],
        ]),
      ).toEqual(["first", expected]);
    }
  });

  test("ends the process, whichever signal it is, if nothing is left to do", async () => {
    const clock = new ManualClock();
    const history = new SignalHistory({
      clock,
      signals: ["SIGTERM"],
      repeatGrace: 500,
      onSecondSignal: "default",
    });
    history.hear("SIGTERM", true);
    expect(history.hear("SIGTERM", true)).toBe("copy");
    await clock.advance(1);
    expect(history.hear("SIGTERM", true)).toBe("exit");
    history.stop();
  });

  test("has its own copies if it is ignored", async () => {
    const asked: SecondSignal[] = [];
    const onSecondSignal = (second: SecondSignal) => {
      asked.push(second);
      return "ignore" as const;
    };
    const heard = [
      [0, "SIGTERM"],
      [2, "SIGINT"],
      [2.1, "SIGINT"],
      [3, "SIGINT"],
    ] as const;
    expect(await meanings(heard, { onSecondSignal })).toEqual(["first", "ignore", "copy", "ignore"]);
    expect(asked).toEqual([
      { signal: "SIGINT", first: "SIGTERM", seconds: 2 },
      { signal: "SIGINT", first: "SIGTERM", seconds: 3 },
    ]);
  });

  test.each(["exit", "ignore"] as const)("has the meaning set by the option: %s", async (answer) => {
    for (const onSecondSignal of [answer, () => answer]) {
      for (const signal of ["SIGINT", "SIGTERM"] as const) {
        const found = await meanings(
          [
            [0, "SIGTERM"],
            [0.1, signal],
            [1, signal],
          ],
          { onSecondSignal },
        );
        expect(found).toEqual(["first", "copy", answer]);
      }
    }
  });

  test("means the default if the application's function gives no valid answer or fails", async () => {
    vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const failing = () => {
      throw new Error("do not ask");
    };
    for (const onSecondSignal of [failing, () => undefined]) {
      const found = await meanings(
        [
          [0, "SIGTERM"],
          [1, "SIGTERM"],
          [2, "SIGINT"],
        ],
        { onSecondSignal },
      );
      expect(found).toEqual(["first", "ignore", "exit"]);
    }
    vi.restoreAllMocks();
  });

  test("is a copy when a listener of the first was removed and its owner sends the signal again", async () => {
    const clock = new ManualClock();
    const signals = ["SIGINT"] as const;
    const history = new SignalHistory({ clock, signals, repeatGrace: 500, onSecondSignal: "default" });
    const framework = (): void => {};
    process.on("SIGINT", framework);
    expect(history.hear("SIGINT", false)).toBe("first");
    await clock.advance(2);
    process.off("SIGINT", framework);
    expect(history.hear("SIGINT", false)).toBe("copy");
    await clock.advance(2);
    expect(history.hear("SIGINT", false)).toBe("exit");
    history.stop();
  });

  test("is never a copy without a grace", async () => {
    const found = await meanings(
      [
        [0, "SIGINT"],
        [0, "SIGINT"],
      ],
      { repeatGrace: 0 },
    );
    expect(found).toEqual(["first", "exit"]);
  });

  test("is never a copy without a grace, even after another listener ran once", async () => {
    const clock = new ManualClock();
    const signals = ["SIGINT"] as const;
    const history = new SignalHistory({ clock, signals, repeatGrace: 0, onSecondSignal: "default" });
    const once = (): void => {};
    process.on("SIGINT", once);
    history.hear("SIGINT", false);
    // As the same signal reaches the listener behind this one.
    process.off("SIGINT", once);
    await setImmediate();
    expect(history.hear("SIGINT", false)).toBe("exit");
    await setImmediate();
  });

  test("is a copy even if the thread was blocked beyond the grace before it was handled", async () => {
    const history = new SignalHistory({
      clock: realClock,
      signals: ["SIGINT"],
      repeatGrace: 1,
      onSecondSignal: "default",
    });
    let heard: string | undefined;
    const hear = (): void => {
      heard = history.hear("SIGUSR2", false);
    };
    process.once("SIGUSR2", hear);
    history.hear("SIGINT", false);
    process.kill(process.pid, "SIGUSR2");
    realClock.sleepSync(5);
    await vi.waitUntil(() => heard !== undefined, 60_000);
    expect(heard).toBe("copy");
    await setImmediate();
    history.stop();
  });
});
