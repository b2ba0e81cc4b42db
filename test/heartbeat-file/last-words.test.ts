import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { lookAt } from "../../src/cli/look.js";
import { Heartbeat } from "../../src/heartbeat/heartbeat.js";
import { type Clock, realClock } from "../../src/kernel/clock.js";
import { temporaryFolder } from "../heartbeat/folder.js";

// A process of this test that is over, and collected.
const { pid } = spawnSync(process.execPath, ["--version"]);

/** A file of a process that drains, and the clock of a reader: between its looks at both the process writes its last. */
function draining(): { file: string; clock: Clock } {
  const file = path.join(temporaryFolder(), "app.heartbeat");
  const write = (status: string): void => {
    const state = { timestamp: new Date().toISOString(), pid, hostname: os.hostname(), metadata: {}, status };
    fs.writeFileSync(file, JSON.stringify(state));
  };
  write("draining");
  const clock: Clock = {
    ...realClock,
    wallNow: () => {
      write("stopped");
      return realClock.wallNow();
    },
  };
  return { file, clock };
}

test.each([
  ["Heartbeat.check", (file: string, clock: Clock) => Heartbeat.check(file, { clock })],
  ["Heartbeat.checkSync", (file: string, clock: Clock) => Heartbeat.checkSync(file, { clock })],
  ["the command line", (file: string, clock: Clock) => lookAt(file, undefined, clock)],
])("a process that stops while %s reads its file is stopped, not dead", async (_reader, look) => {
  const { file, clock } = draining();
  expect((await look(file, realClock)).status).toBe("dead");
  expect((await look(file, clock)).status).toBe("stopped");
});
