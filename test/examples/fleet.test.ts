import fs from "node:fs";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, test, vi } from "vitest";
import { hasRedis } from "../redis/servers/servers.js";
import { Demo, expectNothingLeft, marks, python } from "./demo-process.js";

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const main = here("../../examples/trading-fleet/main.mjs");
const demo = here("../../scripts/demo.mjs");
const inTerminal = here("in-terminal.py");
const PROMISES = 9;
/** The bots, the exchange and redis-server. */
const PROCESSES = 5;

const fast = (): Demo => new Demo(process.execPath, [main, "--redis", "--fast"]);

async function expectNothingOfIt(fleet: Demo): Promise<void> {
  await expectNothingLeft(fleet, PROCESSES);
  const [, folder = ""] = /folder (\S+)/.exec(fleet.text) ?? [];
  expect(folder).not.toBe("");
  await vi.waitFor(() => expect(fs.existsSync(folder)).toBe(false), 60_000);
}

// A machine so busy that it runs none of the processes for 50 ms breaks promises about 50 ms, whatever they do.
const options = { retry: 2 };

describe.skipIf(!hasRedis)("the demo of several processes", options, () => {
  test("keeps every promise, and prints lines without a terminal", async () => {
    const fleet = fast();
    const code = await fleet.exitCode();
    // The whole text, so that a failure shows which promise it was.
    expect(fleet.text).toContain(`${PROMISES} of ${PROMISES} promises held`);
    expect(marks(fleet.text)).toEqual(Array.from({ length: PROMISES }, () => "✓"));
    expect(code).toBe(0);
    expect(fleet.text).toMatch(/stopped: SIGSTOP[^]*keeps its share alone[^]*shares the limit again/);
    expect(fleet.output).not.toContain("\u001B");
    await expectNothingOfIt(fleet);
  });

  test.skipIf(!python)("shows all bots in a live view and restores the terminal", async () => {
    const fleet = new Demo("python3", [inTerminal, process.execPath, main, "--redis", "--fast"]);
    const code = await fleet.exitCode();
    const [view = "", after = ""] = fleet.output.split("\u001B[?1049l");
    expect(view).toContain("\u001B[?1049h");
    expect(view.endsWith("\u001B[?25h")).toBe(true);
    const shown = stripVTControlCharacters(view);
    for (const bot of ["bot-1", "bot-2", "bot-3"]) expect(shown).toMatch(new RegExp(` ${bot} +● alive`));
    expect(shown).toMatch(/● OPEN[^]*● STOPPED \(SIGSTOP\) +3 of 3 bots decide alone/);
    expect(stripVTControlCharacters(after)).toContain(`${PROMISES} of ${PROMISES} promises held`);
    expect(code).toBe(0);
  });

  test("shuts the bots down in an orderly way at Ctrl-C, also while Redis is stopped", async () => {
    const fleet = fast();
    await fleet.prints(/keeps its share alone/);
    fleet.child.kill("SIGINT");
    expect(await fleet.exitCode()).toBe(130);
    expect(fleet.text.match(/ended: 143/g)).toHaveLength(3);
    await expectNothingOfIt(fleet);
  });

  test("goes on without a bot that was killed, says so, and leaves nothing behind", async () => {
    const fleet = fast();
    await fleet.prints(/status/);
    const [, pid] = /bot-2 +process (\d+)/.exec(fleet.text) ?? [];
    process.kill(Number(pid), "SIGKILL");
    await fleet.prints(/bot-2 lost/);
    fleet.child.kill("SIGINT");
    expect(await fleet.exitCode()).toBe(1);
    expect(fleet.text).toMatch(/✗ SIGTERM ends each in order\s+bot-1: exit code 143, bot-2: .*SIGKILL/);
    await expectNothingOfIt(fleet);
  });

  test("leaves nothing behind when it is killed itself", async () => {
    const fleet = fast();
    await fleet.prints(/status/);
    fleet.child.kill("SIGKILL");
    expect(await fleet.exitCode()).toBeNull();
    await expectNothingOfIt(fleet);
  });
});

describe("the arguments of the demo of several processes", () => {
  test.each([
    [["--instances", "3"], "3 processes need Redis to share a limit"],
    [["--instances", "1", "--redis"], "--instances must be a whole number from 2 to 8; got 1."],
    [["--redis", "--quick"], "'--quick'"],
  ])("%j is refused with a sentence and the help", async (args, sentence) => {
    const fleet = new Demo(process.execPath, [demo, ...args]);
    expect(await fleet.exitCode()).toBe(2);
    expect(fleet.text).toContain(sentence);
    expect(fleet.text).toContain("--keep-running");
  });

  test("the help of each demo tells of the fleet", async () => {
    for (const args of [["--help"], ["--redis", "--help"]]) {
      const fleet = new Demo(process.execPath, [demo, ...args]);
      expect(await fleet.exitCode()).toBe(0);
      expect(fleet.text).toContain("--instances");
    }
  });

  test("without a redis-server it says how to get one", async () => {
    const environment = { REDIS_SERVER: "/nowhere/redis-server", NO_APT: "1" };
    const fleet = new Demo(process.execPath, [main, "--redis"], environment);
    expect(await fleet.exitCode()).toBe(1);
    expect(fleet.text).toMatch(/^This demo needs a redis-server[^]*REDIS_SERVER=/);
  });
});
