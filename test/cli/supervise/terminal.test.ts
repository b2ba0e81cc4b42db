import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { Supervised } from "./supervised.js";

const keyboard = fileURLToPath(new URL("keyboard.py", import.meta.url));
const hasPython = spawnSync("python3", ["--version"]).status === 0;

type Steps = readonly (readonly [text: string, keys: string | null])[];

describe.skipIf(process.platform !== "linux" || !hasPython)("supervise in a terminal", () => {
  afterEach(() => Supervised.end());

  function typing(steps: Steps, ...shell: readonly string[]): readonly string[] {
    return ["python3", keyboard, JSON.stringify(steps), ...shell];
  }

  async function expectNothingLeft(supervised: Supervised): Promise<void> {
    await expect.poll(() => supervised.processes()).toEqual([]);
  }

  test("passes Ctrl-C on once, and shows the lines without colours under NO_COLOR", async () => {
    const it = new Supervised({ NO_COLOR: "1" });
    it.scenario(["--text"], "signals", typing([["ready", "\u0003"]]));
    expect(await it.code).toBe(7);
    expect(it.stdout.split("got SIGINT")).toHaveLength(2);
    expect(it.stdout).not.toContain("\u001B");
    await expectNothingLeft(it);
  });

  test("shows the lines in colours otherwise", async () => {
    const it = new Supervised();
    it.scenario(["--text"], "signals", typing([["ready", "\u0003"]]));
    expect(await it.code).toBe(7);
    expect(it.stdout).toContain("\u001B[32mstarted pid");
  });

  test("is stopped by Ctrl-Z and continued by fg, together with the program", async () => {
    const steps: Steps = [
      ["ready", "\u001A"],
      ["got SIGCONT", "\u0003"],
    ];
    const script = `set -m
      "$@"
      cut -d" " -f3 /proc/$(pgrep -f "^[^ ]*node [^ ]*supervised-program.mjs signals $PWD")/stat
      fg
      exit 5`;
    const it = new Supervised();
    it.scenario(["--text"], "signals", typing(steps, "bash", "-c", script, "-"));
    expect(await it.code).toBe(5);
    expect(it.stdout).toMatch(/^T\r?$/m);
    expect(it.stdout.split("got SIGINT")).toHaveLength(2);
    await expectNothingLeft(it);
  });

  test("ends, with the program, when the terminal is closed", async () => {
    const it = new Supervised();
    it.scenario(["--text"], "plain", typing([["ready", null]]));
    expect(await it.code).toBe(129);
    await expectNothingLeft(it);
  });

  test("lets the program read what is typed", async () => {
    const it = new Supervised();
    const steps: Steps = [
      ["started", "hello\n"],
      ["HELLO", "\u0004"],
    ];
    it.start(["--text", "--restart", "on-failure"], ["sed", "-u", "s/.*/\\U&/"], typing(steps));
    expect(await it.code).toBe(0);
    expect(it.stdout).toContain("HELLO");
  });
});
