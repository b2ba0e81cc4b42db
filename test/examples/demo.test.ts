import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";

const main = fileURLToPath(new URL("../../examples/trading-bot/main.mjs", import.meta.url));
const inTerminal = fileURLToPath(new URL("in-terminal.py", import.meta.url));
const PROMISES = 11;

class Demo {
  readonly child: ChildProcess;
  output = "";

  constructor(command: string, args: readonly string[]) {
    const { NO_COLOR: _noColour, CI: _ci, ...env } = process.env;
    this.child = spawn(command, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...env, TERM: "xterm-256color" },
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => (this.output += text));
    }
  }

  async exitCode(): Promise<unknown> {
    const [code] = (await once(this.child, "close")) as unknown[];
    return code;
  }

  async prints(expected: RegExp): Promise<void> {
    while (!expected.test(this.text)) {
      if (this.child.exitCode !== null) throw new Error(`ended without ${String(expected)}:\n${this.text}`);
      await sleep(50);
    }
  }

  get text(): string {
    return stripVTControlCharacters(this.output);
  }

  /** The processes that it says it started. */
  get processes(): number[] {
    return [...new Set([...this.text.matchAll(/process (\d+)/g)].map(([, pid]) => Number(pid)))];
  }

  get folder(): string {
    return path.dirname(/heartbeat (\S+\.heartbeat)/.exec(this.text)?.[1] ?? "");
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function expectNothingLeft(demo: Demo): Promise<void> {
  expect(demo.processes).toHaveLength(2);
  for (let wait = 0; wait < 100 && demo.processes.some(isRunning); wait++) await sleep(50);
  expect(demo.processes.filter(isRunning)).toEqual([]);
}

function marks(text: string): string[] {
  return [...text.matchAll(/^ {2}([✓✗–]) /gm)].map(([, mark]) => mark ?? "");
}

const python = spawnSync("python3", ["--version"]).status === 0;

describe.concurrent("the demo", { timeout: 90_000 }, () => {
  test("keeps every promise, and prints lines without a terminal", async () => {
    const demo = new Demo(process.execPath, [main, "--fast"]);
    const code = await demo.exitCode();
    // The whole text, so that a failure shows which promise it was.
    expect(demo.text).toContain(`${PROMISES} of ${PROMISES} promises held`);
    expect(marks(demo.text)).toEqual(Array.from({ length: PROMISES }, () => "✓"));
    expect(code).toBe(0);
    expect(demo.text).toMatch(/orders lost: 0;/);
    expect(demo.text).toMatch(/closed → open[^]*open → half-open[^]*half-open → closed/);
    expect(demo.output).not.toContain("\u001B");
    await expectNothingLeft(demo);
    expect(fs.existsSync(demo.folder)).toBe(false);
  });

  test.skipIf(!python)("shows a live view in a terminal and gives the terminal back", async () => {
    const demo = new Demo("python3", [inTerminal, process.execPath, main, "--fast"]);
    const code = await demo.exitCode();
    const [view = "", after = ""] = demo.output.split("\u001B[?1049l");
    expect(view).toContain("\u001B[?1049h");
    expect(view.endsWith("\u001B[?25h")).toBe(true);
    expect(stripVTControlCharacters(view)).toMatch(/● OPEN[^]*● HALF-OPEN[^]*● CLOSED/);
    expect(stripVTControlCharacters(view)).toMatch(/PAUSED[^]*● FROZEN/);
    expect(stripVTControlCharacters(after)).toContain(`${PROMISES} of ${PROMISES} promises held`);
    expect(code).toBe(0);
    await expectNothingLeft(demo);
  });

  test("shuts the bot down in order at Ctrl-C, and exits with 130", async () => {
    const demo = new Demo(process.execPath, [main, "--fast"]);
    await demo.prints(/status/);
    demo.child.kill("SIGINT");
    const code = await demo.exitCode();
    expect(demo.text).toMatch(/positions done in .*, connections done in .*, heartbeat done in /);
    expect(code).toBe(130);
    await expectNothingLeft(demo);
  });

  test("leaves no process behind when it is killed", async () => {
    const demo = new Demo(process.execPath, [main, "--fast"]);
    await demo.prints(/status/);
    demo.child.kill("SIGKILL");
    await demo.exitCode();
    await expectNothingLeft(demo);
    expect(fs.existsSync(demo.folder)).toBe(false);
  });

  test("refuses an option that it does not know", async () => {
    const demo = new Demo(process.execPath, [main, "--quick"]);
    expect(await demo.exitCode()).toBe(2);
    expect(demo.text).toContain("'--quick'");
    expect(demo.text).toContain("--keep-running");
  });
});
