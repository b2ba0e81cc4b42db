import { execFile, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { Heartbeat } from "../../src/heartbeat/heartbeat.js";
import { temporaryFolder } from "./folder.js";

const run = promisify(execFile);
const fixture = (name: string): string => path.join(import.meta.dirname, "..", "fixtures", `${name}.mjs`);

// Generous: dozens of processes are started, perhaps on a busy machine.
describe("a process with a heartbeat", { timeout: 180_000 }, () => {
  test("can share its file with another, and a reader never sees part of a beat", async () => {
    const folder = temporaryFolder();
    const stateFile = path.join(folder, "app.heartbeat");
    await new Heartbeat({ stateFile }).beat();
    const writers = [0, 1].map(() => {
      const child = spawn(process.execPath, [fixture("heartbeat-writer"), stateFile, "150"], {
        stdio: ["pipe", "pipe", "inherit"],
      });
      onTestFinished(() => void child.kill("SIGKILL"));
      return { child, output: text(child.stdout), isOver: false };
    });
    const ends = writers.map(async (writer) => {
      await writer.output;
      writer.isOver = true;
    });
    const pids = new Set<number | undefined>();
    let torn = 0;
    while (!writers.every(({ isOver }) => isOver)) {
      const state = await Heartbeat.readState(stateFile);
      if (state === null || Heartbeat.readStateSync(stateFile) === null) torn++;
      pids.add(state?.pid);
      // However busy the machine is, the one is not over before the other has begun.
      if (pids.size === 3) for (const { child } of writers) child.stdin.end();
    }
    await Promise.all(ends);
    for (const { output } of writers) expect(await output).toBe("0\n");
    expect(torn).toBe(0);
    expect(pids.size).toBe(3);
    expect(fs.readdirSync(folder)).toEqual(["app.heartbeat"]);
  });

  test("ends by itself when it has nothing else to do, and its last beat is whole", async () => {
    const stateFile = path.join(temporaryFolder(), "app.heartbeat");
    const { stdout, stderr } = await run(process.execPath, [fixture("heartbeat-alone"), stateFile]);
    expect(stderr).toBe("");
    expect(stdout).toBe("exit 0, running: true\n");
    expect(await Heartbeat.check(stateFile)).toMatchObject({ status: "dead", state: { status: "running" } });
  });
});
