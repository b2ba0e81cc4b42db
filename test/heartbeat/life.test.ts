import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { Heartbeat } from "../../src/heartbeat/heartbeat.js";
import { temporaryFolder } from "./folder.js";

const program = path.join(import.meta.dirname, "..", "fixtures", "heartbeat-life.mjs");

it(
  "a service under a shutdown is starting, running, draining and stopped to who reads its file",
  {
    timeout: 60_000,
  },
  async () => {
    const stateFile = path.join(temporaryFolder(), "app.heartbeat");
    const child = spawn(process.execPath, [program, stateFile, "false"], {
      stdio: ["pipe", "inherit", "inherit"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    const exit = once(child, "exit");
    const seen: string[] = [];
    const look = async (): Promise<string> => {
      const { status, state } = await Heartbeat.check(stateFile);
      const told = state === null ? "missing" : `${status}: ${state.status}`;
      if (told !== seen.at(-1)) seen.push(told);
      return told;
    };
    const until = async (told: string): Promise<void> => {
      while ((await look()) !== told) await new Promise(setImmediate);
    };
    await until("alive: starting");
    child.stdin.write("\n");
    await until("alive: running");
    child.kill("SIGTERM");
    await until("alive: draining");
    child.stdin.write("\n");
    await until("stopped: stopped");
    expect(await exit).toEqual([143, null]);
    await look();
    expect(seen.filter((told) => told !== "missing")).toEqual([
      "alive: starting",
      "alive: running",
      "alive: draining",
      "stopped: stopped",
    ]);
  },
);
