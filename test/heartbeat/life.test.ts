import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type Clock, realClock } from "../../src/kernel/clock.js";
import { Heartbeat } from "../../src/heartbeat/heartbeat.js";
import { temporaryFolder } from "./folder.js";

const program = path.join(import.meta.dirname, "..", "fixtures", "heartbeat-life.mjs");

test("readers see a service with a shutdown as starting, running, draining and stopped", async () => {
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
});

test.each([
  ["", 0],
  [", even if the wall clock was set back an hour in between", 3_600_000],
])(
  "an ending process leaves the file to one that started later, and takes it back if that is gone%s",
  async (_when, ahead) => {
    const stateFile = path.join(temporaryFolder(), "app.heartbeat");
    const clock: Clock = {
      now: () => realClock.now(),
      wallNow: () => realClock.wallNow() + ahead,
      setTimer: (...args) => realClock.setTimer(...args),
      sleepSync: (milliseconds) => realClock.sleepSync(milliseconds),
    };
    const old = new Heartbeat({ stateFile, interval: 3600, clock });
    old.start();
    await old.beat();
    const start = (): ReturnType<typeof spawn> => {
      const child = spawn(process.execPath, [program, stateFile, "false"], {
        stdio: ["pipe", "inherit", "inherit"],
      });
      onTestFinished(() => void child.kill("SIGKILL"));
      return child;
    };
    const successor = start();
    const owner = async (): Promise<number | undefined> => (await Heartbeat.readState(stateFile))?.pid;
    await expect.poll(owner).toBe(successor.pid);

    old.drain();
    await old.stop();
    const { status, state } = await Heartbeat.check(stateFile);
    expect([status, state?.pid]).toEqual(["alive", successor.pid]);

    old.start();
    await old.beat();
    expect(await owner()).toBe(process.pid);
    const gone = start();
    await expect.poll(owner).toBe(gone.pid);
    const exit = [once(successor, "exit"), once(gone, "exit")];
    successor.kill("SIGKILL");
    gone.kill("SIGKILL");
    await Promise.all(exit);
    await old.stop();
    expect((await Heartbeat.check(stateFile)).status).toBe("stopped");
  },
  90_000,
);
