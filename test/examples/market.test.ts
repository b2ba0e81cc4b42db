import fs from "node:fs";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, test, vi } from "vitest";
import { Demo, expectNothingLeft, marks, python } from "./demo-process.js";

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const main = here("../../examples/market-watch/demo.mjs");
const inTerminal = here("in-terminal.py");
const PROMISES = 10;
/** The exchange, the program and its watchdog service. */
const PROCESSES = 3;

const fast = (): Demo => new Demo(process.execPath, [main, "--fast"]);

async function expectNothingOfIt(demo: Demo, processes: number): Promise<void> {
  await expectNothingLeft(demo, processes);
  const [, folder = ""] = /folder (\S+)/.exec(demo.text) ?? [];
  expect(folder).not.toBe("");
  await vi.waitFor(() => expect(fs.existsSync(folder)).toBe(false), 60_000);
}

// A process is stopped by a signal that Windows has not.
const options = { skip: process.platform === "win32", concurrent: true };

describe("the demo of the market", options, () => {
  test("keeps every promise, and prints lines without a terminal", async () => {
    const demo = fast();
    const code = await demo.exitCode();
    // The whole text, so that a failure shows which promise it was.
    expect(demo.text).toContain(`${PROMISES} of ${PROMISES} promises held`);
    expect(marks(demo.text)).toEqual(Array.from({ length: PROMISES }, () => "✓"));
    expect(code).toBe(0);
    expect(demo.text).toMatch(/lost 0, stored twice 0, with another price 0, unknown to the exchange 0/);
    expect(demo.output).not.toContain("\u001B");
    // The program was killed and started again.
    await expectNothingOfIt(demo, PROCESSES + 1);
  });

  test.skipIf(!python)("shows a live view in a terminal and restores the terminal", async () => {
    const demo = new Demo("python3", [inTerminal, process.execPath, main, "--fast"]);
    const code = await demo.exitCode();
    const [view = "", after = ""] = demo.output.split("\u001B[?1049l");
    expect(view).toContain("\u001B[?1049h");
    expect(view.endsWith("\u001B[?25h")).toBe(true);
    const shown = stripVTControlCharacters(view);
    expect(shown).toMatch(/● RECONNECTING[^]*● OPEN[^]*● stale[^]*● frozen[^]*● dead/);
    expect(stripVTControlCharacters(after)).toContain(`${PROMISES} of ${PROMISES} promises held`);
    expect(code).toBe(0);
  });

  test("shuts both programs down in an orderly way at Ctrl-C, and exits with 130", async () => {
    const demo = fast();
    await demo.prints(/status/);
    demo.child.kill("SIGINT");
    expect(await demo.exitCode()).toBe(130);
    expect(demo.text).toMatch(/market-watch: stream, gaps, alerts, store, heartbeat/);
    expect(demo.text).toMatch(/market-watch: exit code 143, watchdog-service: exit code 143/);
    await expectNothingOfIt(demo, PROCESSES);
  });

  test("leaves no process behind when it is killed, also while its program is stopped", async () => {
    const demo = fast();
    await demo.prints(/market-watch is stale/);
    demo.child.kill("SIGKILL");
    expect(await demo.exitCode()).toBeNull();
    await expectNothingOfIt(demo, PROCESSES);
  });

  test("refuses an unknown option", async () => {
    const demo = new Demo(process.execPath, [main, "--quick"]);
    expect(await demo.exitCode()).toBe(2);
    expect(demo.text).toContain("'--quick'");
    expect(demo.text).toContain("--keep-running");
  });
});
