import { expect, test, vi } from "vitest";
import { type AlertLevel, ConsoleChannel, type ConsoleChannelOptions } from "../../../src/alerts/index.js";
import { delivery } from "./servers.js";

function recorder() {
  const lines: (readonly [string, string])[] = [];
  const to =
    (method: string) =>
    (line: string): unknown =>
      lines.push([method, line]);
  return { lines, console: { info: to("info"), warn: to("warn"), error: to("error") } };
}

test.each<[AlertLevel, string, string]>([
  ["info", "info", "[INFO] disk almost full"],
  ["success", "info", "[SUCCESS] disk almost full"],
  ["warning", "warn", "[WARNING] disk almost full"],
  ["critical", "error", "[CRITICAL] disk almost full"],
])("writes %s by %s", async (level, method, line) => {
  const { lines, console } = recorder();
  await new ConsoleChannel({ console }).deliver(delivery({ level, body: "" }));
  expect(lines).toEqual([[method, line]]);
});

test("writes to the global console by default", async () => {
  const warn = vi.spyOn(console, "warn").mockReturnValue(undefined);
  await new ConsoleChannel().deliver(delivery({ title: "100 %s" }));
  expect(warn.mock.calls).toEqual([["[WARNING] 100 %s\n    /var: 97 %"]]);
  warn.mockRestore();
});

test("shows a recovery, how many alerts it stands for, and the lines of the body indented", async () => {
  const { lines, console } = recorder();
  await new ConsoleChannel({ console }).deliver(
    delivery({ level: "critical", isRecovery: true, count: 3, body: "one\r\n\n\ttwo\n" }),
  );
  expect(lines).toEqual([["info", "[RESOLVED] disk almost full × 3\n    one\n    \n        two"]]);
});

test("shows characters that control a terminal instead of writing them", async () => {
  const { lines, console } = recorder();
  const channel = new ConsoleChannel({ console });
  await channel.deliver(delivery({ title: "\u001B[31m\u0007\u202Ea\nb", body: "\u009B2J\rx\uD800" }));
  expect(lines).toEqual([
    [
      "warn",
      String.raw`[WARNING] \u{1b}[31m\u{7}\u{202e}a\u{a}b` +
        String.raw`
    \u{9b}2J\u{d}x\u{d800}`,
    ],
  ]);
});

test.each([
  [{ console: {} }, "console must be a console with info, warn, error; got an object."],
  [{ console: null }, "console must be a console with info, warn, error; got null."],
  [{ name: "" }, 'name must be a non-empty string; got "".'],
  [{ nmae: "x" }, "nmae is not an option of ConsoleChannel"],
  ["x", "the options of ConsoleChannel must be a plain object; got a string."],
])("refuses the options %o", (options, message) => {
  expect(() => new ConsoleChannel(options as ConsoleChannelOptions)).toThrow(message);
});
