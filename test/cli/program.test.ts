import { describe, expect, test } from "vitest";
import { commands } from "../../src/cli/commands.js";
import { FakeTerminal } from "./fake-terminal.js";

describe("the command line", () => {
  test("shows every command for --help, -h and help, on stdout, with exit code 0", async () => {
    for (const words of [["--help"], ["-h"], ["help"], ["help", "help"], ["help", "--help"]]) {
      const terminal = new FakeTerminal();
      expect(await terminal.run(...words)).toBe(0);
      for (const { name } of commands) expect(terminal.stdout.text).toContain(`  ${name}  `);
      expect(terminal.stderr.text).toBe("");
    }
  });

  test("without a command shows the same on stderr, with exit code 2", async () => {
    const terminal = new FakeTerminal();
    expect(await terminal.run()).toBe(2);
    expect(terminal.stderr.text).toContain("Usage: kstlib-resilience <command>");
    expect(terminal.stdout.text).toBe("");
  });

  test("shows the commands of a group for the group alone, on stderr, with exit code 2", async () => {
    const terminal = new FakeTerminal();
    expect(await terminal.run("config")).toBe(2);
    expect(terminal.stderr.text).toContain("  config show ");
    expect(terminal.stderr.text).not.toContain("  check");
    expect(terminal.stdout.text).toBe("");
  });

  test.each(["--version", "-v", "-V", "version"])("shows the version of the package for %s", async (word) => {
    const terminal = new FakeTerminal();
    expect(await terminal.run(word)).toBe(0);
    expect(terminal.stdout.text).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test.each([
    [["chek"], '"chek" is not a command; did you mean check?'],
    [["zzzzzzzz"], '"zzzzzzzz" is not a command; the commands are status, check,'],
    [["config", "shwo"], '"config shwo" is not a command; did you mean config show?'],
    [["help", "statsu"], '"statsu" is not a command; did you mean status?'],
  ])("names the nearest command for %j", async (words, message) => {
    const terminal = new FakeTerminal();
    expect(await terminal.run(...words)).toBe(2);
    expect(terminal.stderr.text).toContain(message);
    expect(terminal.stderr.text).toContain("\nTry: kstlib-resilience --help\n");
    expect(terminal.stdout.text).toBe("");
  });

  test("names the nearest option, and the help of the command that has it", async () => {
    const terminal = new FakeTerminal();
    expect(await terminal.run("check", "app.heartbeat", "--max-aeg", "3")).toBe(2);
    expect(terminal.stderr.text).toBe(
      "kstlib-resilience check: unknown option --max-aeg; did you mean --max-age?\nTry: kstlib-resilience check --help\n",
    );
  });

  test("escapes control characters of an argument that it repeats", async () => {
    for (const words of [
      ["check", "x", "--\u001B[31m"],
      ["status", "no\u001B[31m*"],
    ]) {
      const terminal = new FakeTerminal();
      expect(await terminal.run(...words)).toBe(2);
      expect(terminal.stderr.text).toContain("\\x1b[31m");
      expect(terminal.stderr.text).not.toContain("\u001B");
    }
  });

  test("shows the commands of a group for its help", async () => {
    for (const words of [
      ["config", "--help"],
      ["config", "help"],
      ["help", "config"],
    ]) {
      const terminal = new FakeTerminal();
      expect(await terminal.run(...words)).toBe(0);
      expect(terminal.stdout.text).toContain("config init");
      expect(terminal.stdout.text).not.toContain("  check");
    }
  });

  test("ends with code 2 and the stack after an unexpected failure", async () => {
    const terminal = new FakeTerminal();
    Object.defineProperty(terminal, "clock", {
      get: () => {
        throw new Error("no time");
      },
    });
    expect(await terminal.run("check", terminal.write("x.heartbeat", ""))).toBe(2);
    expect(terminal.stderr.text).toMatch(/kstlib-resilience check: Error: no time\n +at /);
  });
});

describe("the help", async () => {
  const loaded = await Promise.all(commands.map(({ load }) => load()));

  test.each(loaded)(
    "of $name has a usage, options, examples, and lines of at most 80 columns",
    async (command) => {
      const terminal = new FakeTerminal();
      expect(await terminal.run(...command.name.split(" "), "--help")).toBe(0);
      expect(terminal.stdout.text).toBe(command.help);
      expect(command.help).toMatch(
        new RegExp(
          `^Usage: kstlib-resilience ${command.name}[^]*\n\nOptions:\n[^]*--help[^]*\n\nExamples:\n  `,
        ),
      );
      expect(command.help.split("\n").filter((line) => line.length > 80)).toEqual([]);
      expect(command.help.endsWith("\n")).toBe(true);
    },
  );

  test("of all commands fits too, and uses the names of the table", async () => {
    const terminal = new FakeTerminal();
    await terminal.run("--help");
    expect(terminal.stdout.text.split("\n").filter((line) => line.length > 80)).toEqual([]);
    expect(loaded.map(({ name }) => name)).toEqual(commands.map(({ name }) => name));
  });
});
