import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import { Demo, expectNothingLeft, marks, python } from "./demo-process.js";

const main = fileURLToPath(new URL("../../examples/trading-bot/main.mjs", import.meta.url));
const inTerminal = fileURLToPath(new URL("in-terminal.py", import.meta.url));
const PROMISES = 11;

const folderOf = (demo: Demo): string =>
  path.dirname(/heartbeat (\S+\.heartbeat)/.exec(demo.text)?.[1] ?? "");

describe.concurrent("the demo", () => {
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
    await expectNothingLeft(demo, 2);
    expect(fs.existsSync(folderOf(demo))).toBe(false);
  });

  test.skipIf(!python)("shows a live view in a terminal and restores the terminal", async () => {
    const demo = new Demo("python3", [inTerminal, process.execPath, main, "--fast"]);
    const code = await demo.exitCode();
    const [view = "", after = ""] = demo.output.split("\u001B[?1049l");
    expect(view).toContain("\u001B[?1049h");
    expect(view.endsWith("\u001B[?25h")).toBe(true);
    expect(stripVTControlCharacters(view)).toMatch(/● OPEN[^]*● HALF-OPEN[^]*● CLOSED/);
    expect(stripVTControlCharacters(view)).toMatch(/PAUSED[^]*● FROZEN/);
    expect(stripVTControlCharacters(after)).toContain(`${PROMISES} of ${PROMISES} promises held`);
    expect(code).toBe(0);
    await expectNothingLeft(demo, 2);
  });

  test("shuts the bot down in an orderly way at Ctrl-C, and exits with 130", async () => {
    const demo = new Demo(process.execPath, [main, "--fast"]);
    await demo.prints(/status/);
    demo.child.kill("SIGINT");
    const code = await demo.exitCode();
    expect(demo.text).toMatch(/positions done in .*, connections done in .*, heartbeat done in /);
    expect(code).toBe(130);
    await expectNothingLeft(demo, 2);
  });

  test("serves the metrics of the bot when asked to", async () => {
    const demo = new Demo(process.execPath, [main, "--fast", "--metrics", "0"]);
    await demo.prints(/metrics at \S+[^]*status/);
    const url = /metrics at (\S+)/.exec(demo.text)?.[1] ?? "";
    const response = await fetch(url);
    expect(response.headers.get("content-type")).toContain("version=0.0.4");
    // Which of them it is depends on how far the demo has come.
    const states = (await response.text()).matchAll(
      /^kstlib_resilience_circuit_breaker_state\{name="exchange-api",state="([\w-]+)"\} ([01])$/gm,
    );
    expect([...states].filter(([, , value]) => value === "1")).toHaveLength(1);
    demo.child.kill("SIGINT");
    expect(await demo.exitCode()).toBe(130);
    await expectNothingLeft(demo, 2);
  });

  test("leaves no process behind when it is killed", async () => {
    const demo = new Demo(process.execPath, [main, "--fast"]);
    await demo.prints(/status/);
    demo.child.kill("SIGKILL");
    await demo.exitCode();
    await expectNothingLeft(demo, 2);
    expect(fs.existsSync(folderOf(demo))).toBe(false);
  });

  test("refuses an unknown option", async () => {
    const demo = new Demo(process.execPath, [main, "--quick"]);
    expect(await demo.exitCode()).toBe(2);
    expect(demo.text).toContain("'--quick'");
    expect(demo.text).toContain("--keep-running");
    const wrong = new Demo(process.execPath, [main, "--metrics", "70000"]);
    expect(await wrong.exitCode()).toBe(2);
    expect(wrong.text).toContain("--metrics must be a port from 0 to 65535; got 70000.");
  });
});
