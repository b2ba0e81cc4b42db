import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import readline from "node:readline";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { temporaryFolder } from "./folder.js";

const run = promisify(execFile);
const fixture = (name: string): string => path.join(import.meta.dirname, "..", "fixtures", name);
const python = process.env["PYTHON_PATH"] ?? "python3";
const missing = [python, "systemd-notify"].filter((name) => spawnSync(name, ["--version"]).status !== 0);
const reason = missing.length > 0 ? ` (SKIPPED: no ${missing.join(", no ")} here)` : "";

interface Manager {
  /** The texts that came, but for those of the same text as the one before. */
  readonly came: string[];
  /** The texts that came, each. */
  readonly texts: string[];
  readonly until: (text: string, times?: number) => Promise<void>;
}

/** Listens as the service manager does. */
async function manager(socket: string): Promise<Manager> {
  const receiver = spawn(python, [fixture("notify-receiver.py"), socket], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void receiver.kill());
  const texts: string[] = [];
  const came: string[] = [];
  const lines = readline.createInterface({ input: receiver.stdout });
  await once(lines, "line");
  lines.on("line", (line) => {
    const text = String(JSON.parse(line)[1]);
    if (text !== came.at(-1)) came.push(text);
    texts.push(text);
  });
  return {
    came,
    texts,
    until: async (text, times = 1) => {
      while (texts.filter((found) => found === text).length < times) await once(lines, "line");
    },
  };
}

const READY = "READY=1\nSTATUS=running";
const DRAINING = "STOPPING=1\nSTATUS=draining";
const STOPPED = "STOPPING=1\nSTATUS=stopped";

describe.skipIf(missing.length > 0)(`a service of systemd${reason}`, () => {
  test.each([
    ["a path", () => path.join(temporaryFolder(), "notify")],
    ["an abstract address", () => `@kstlib-test-${process.pid}`],
  ])("sends all of its notices to %s", async (_title, address) => {
    const socket = address();
    const { came, texts, until } = await manager(socket);
    const child = spawn(process.execPath, [fixture("heartbeat-life.mjs"), "-", "true"], {
      stdio: ["pipe", "inherit", "inherit"],
      env: { ...process.env, NOTIFY_SOCKET: socket, WATCHDOG_USEC: "100000" },
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    const exit = once(child, "exit");
    child.stdin.write("\n");
    await until("WATCHDOG=1", 2);
    child.kill("SIGTERM");
    await until(DRAINING);
    child.stdin.write("\n");
    expect(await exit).toEqual([143, null]);
    await until(STOPPED);
    expect(came.filter((text) => text !== "WATCHDOG=1")).toEqual([READY, DRAINING, STOPPED]);
    expect(texts[0]).toBe(READY);
    expect(texts.at(-1)).toBe(STOPPED);
  });

  test("sends no WATCHDOG=1 while its loop is blocked", async () => {
    const socket = path.join(temporaryFolder(), "notify");
    const { texts, until } = await manager(socket);
    const child = spawn(process.execPath, [fixture("heartbeat-blocked.mjs")], {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, NOTIFY_SOCKET: socket, WATCHDOG_USEC: "100000" },
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    await until("WATCHDOG=1", 2);
    const blocked = once(child.stdout, "data");
    child.stdin.write("\n");
    await blocked;
    // Each takes its time, and all of them many times that between two signs of life.
    const mark = (number: number): string => `X_MARK=${number}`;
    for (let number = 0; number < 30; number++) {
      const env = { ...process.env, NOTIFY_SOCKET: socket };
      await run("systemd-notify", [mark(number)], { env });
      await until(mark(number));
    }
    // What came before the first mark was sent before the block or just at its beginning.
    const since = texts.slice(texts.indexOf(mark(0)));
    expect(since.filter((text) => text === "WATCHDOG=1").length).toBeLessThanOrEqual(1);
    const before = texts.filter((text) => text === "WATCHDOG=1").length;
    child.stdin.write("\n");
    await until("WATCHDOG=1", before + 2);
  });
});
