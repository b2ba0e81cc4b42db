import os from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { shortSeconds } from "../../src/cli/look.js";
import { FakeTerminal } from "./fake-terminal.js";

async function look(terminal: FakeTerminal, file: string, ...args: string[]): Promise<[number, string]> {
  const code = await terminal.run("check", file, ...args);
  return [code, terminal.stdout.text.replaceAll(`${terminal.cwd}${path.sep}`, "./")];
}

describe("check", () => {
  test.each([
    [
      "is alive",
      3,
      {},
      0,
      "alive: ./a.heartbeat: last beat 3s ago, up to 30s is allowed; pid 4242 on elsewhere.test\n",
    ],
    [
      "drains",
      3,
      { status: "draining" },
      0,
      "alive: ./a.heartbeat: draining; last beat 3s ago, up to 30s is allowed; pid",
    ],
    ["starts", 3, { status: "starting" }, 0, "alive: ./a.heartbeat: starting; last beat"],
    ["is too old", 31, {}, 1, "stale: ./a.heartbeat: last beat 31s ago, up to 30s is allowed; pid 4242"],
    [
      "is frozen",
      3,
      { status: "frozen" },
      1,
      "frozen: ./a.heartbeat: event loop blocked; last beat 3s ago; pid 4242",
    ],
    ["was stopped", 3, { status: "stopped" }, 1, "stopped: ./a.heartbeat: last beat 3s ago; pid 4242"],
    ["comes from the future", -3600, {}, 1, "unknown: ./a.heartbeat: 1h in the future; pid 4242"],
  ])("says in one line that a heartbeat %s", async (_what, age, more, exitCode, line) => {
    const terminal = new FakeTerminal();
    const [code, text] = await look(terminal, terminal.beat("a.heartbeat", age, more));
    expect(text).toContain(line);
    expect(text.split("\n")).toHaveLength(2);
    expect(code).toBe(exitCode);
    expect(terminal.stderr.text).toBe("");
  });

  test("allows three of the file's intervals by default, and otherwise the given age", async () => {
    const terminal = new FakeTerminal();
    const file = terminal.beat("a.heartbeat", 40, { interval: 20 });
    expect((await look(terminal, file))[0]).toBe(0);
    for (const [limit, code] of [
      ["41", 0],
      ["39", 1],
      ["41s", 0],
      ["41000ms", 0],
      ["1m", 0],
      ["39.5", 1],
    ] as const) {
      expect((await look(terminal, file, "--max-age", limit))[0], limit).toBe(code);
      expect((await look(terminal, file, `--max-age=${limit}`))[0], limit).toBe(code);
    }
  });

  test("fails for a file that cannot be read, and says why", async () => {
    const terminal = new FakeTerminal();
    for (const [file, why] of [
      [path.join(terminal.cwd, "none.heartbeat"), "no such file"],
      [terminal.write("half.heartbeat", '{"timestamp":'), "not a heartbeat"],
      [terminal.cwd, "not a file"],
      [path.join(terminal.write("x", ""), "below"), "no such file"],
    ] as const) {
      const [code, text] = await look(terminal, file);
      expect(text).toContain(`: ${why}\n`);
      expect(code).toBe(1);
    }
  });

  test("reports at once that a process of this host is gone", async () => {
    const terminal = new FakeTerminal();
    const hostname = os.hostname();
    const [code, text] = await look(
      terminal,
      terminal.beat("a.heartbeat", 1, { hostname, pid: 2 ** 31 - 1 }),
    );
    expect(text).toContain("dead: ./a.heartbeat: process gone; last beat 1s ago; pid");
    expect(code).toBe(1);
  });

  test("never lets a file's content control the terminal", async () => {
    const terminal = new FakeTerminal();
    const [, text] = await look(
      terminal,
      terminal.beat("a.heartbeat", 1, { hostname: "\u001B]0;x\u0007\nok" }),
    );
    expect(text).toContain(String.raw`on \x1b]0;x\x07\nok`);
  });

  test.each([
    [[], "check takes one heartbeat file; got 0"],
    [["a", "b"], "check takes one heartbeat file; got 2"],
    [[""], "the path of the heartbeat file is empty"],
    [
      ["a", "--max-age", "soon"],
      "--max-age must be a duration above 0: seconds as a number, or a string with its unit",
    ],
    [["a", "--max-age", "0"], "--max-age must be a duration above 0"],
    [["a", "--max-age=-5"], "--max-age must be a duration above 0"],
    [["a", "--max-age", "30000"], 'Did you mean 30 or "30000ms"?'],
    [["a", "--max-age"], "--max-age"],
  ])("refuses %j with exit code 2", async (args, message) => {
    const terminal = new FakeTerminal();
    expect(await terminal.run("check", ...args)).toBe(2);
    expect(terminal.stderr.text).toContain(message);
    expect(terminal.stdout.text).toBe("");
  });

  test("reads a relative path from the working directory of its terminal", async () => {
    const terminal = new FakeTerminal();
    terminal.beat("state/a.heartbeat");
    expect(await look(terminal, "state/a.heartbeat")).toEqual([
      0,
      "alive: state/a.heartbeat: last beat 0s ago, up to 30s is allowed; pid 4242 on elsewhere.test\n",
    ]);
  });
});

describe("a length of time", () => {
  test.each([
    [0, "0s"],
    [0.04, "0s"],
    [0.44, "0.4s"],
    [9.96, "10s"],
    [59.4, "59s"],
    [59.6, "1m"],
    [200, "3m20s"],
    [3600, "1h"],
    [7500, "2h05m"],
    [86_400, "1d"],
    [1_047_600, "12d3h"],
    [-42, "-42s"],
  ])("of %d seconds is %s", (seconds, text) => {
    expect(shortSeconds(seconds)).toBe(text);
  });
});
