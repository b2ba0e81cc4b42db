import { execFile } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { Heartbeat } from "../../src/heartbeat/heartbeat.js";
import { temporaryFolder } from "./folder.js";

const run = promisify(execFile);
const fixture = (name: string): string => path.join(import.meta.dirname, "..", "fixtures", `${name}.mjs`);

// Generous: dozens of processes are started, perhaps on a busy machine.
describe("a process with a heartbeat", { timeout: 180_000 }, () => {
  it("shares its file with another, and a reader never sees a part of a beat", async () => {
    const folder = temporaryFolder();
    const stateFile = path.join(folder, "app.heartbeat");
    await new Heartbeat({ stateFile }).beat();
    const progress = { ended: 0 };
    const writers = [0, 1].map(async () => {
      const result = await run(process.execPath, [fixture("heartbeat-writer"), stateFile, "150"]);
      progress.ended++;
      return result;
    });
    const pids = new Set<number | undefined>();
    let torn = 0;
    while (progress.ended < writers.length) {
      const state = await Heartbeat.readState(stateFile);
      if (state === null || Heartbeat.readStateSync(stateFile) === null) torn++;
      pids.add(state?.pid);
    }
    const written = { stdout: "150\n", stderr: "" };
    expect(await Promise.all(writers)).toEqual([written, written]);
    expect(torn).toBe(0);
    expect(pids.size).toBe(3);
    expect(fs.readdirSync(folder)).toEqual(["app.heartbeat"]);
  });

  it("ends by itself when it has nothing else to do, and its last beat is whole", async () => {
    const stateFile = path.join(temporaryFolder(), "app.heartbeat");
    const { stdout, stderr } = await run(process.execPath, [fixture("heartbeat-alone"), stateFile]);
    expect(stderr).toBe("");
    expect(stdout).toBe("exit 0, running: true\n");
    expect(await Heartbeat.check(stateFile)).toMatchObject({ status: "dead", state: { status: "running" } });
  });
});
