import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkBuilt, fixture, type Run, run } from "./fork.js";

const root = mkdtempSync(path.join(tmpdir(), "watcher-"));

beforeAll(checkBuilt);
afterAll(() => rmSync(root, { recursive: true }));

/** Longer than the age that the watcher allows. */
const STOPPED = 2500;

/**
 * Stops a watcher and continues it.
 *
 * @param meanwhile gets the process that it watches.
 * @param after gets it, too, once the watcher is back.
 */
function stopWatcher(meanwhile: NodeJS.Signals, after?: NodeJS.Signals): Promise<Run> {
  const file = path.join(mkdtempSync(path.join(root, "case-")), "app.heartbeat");
  let writer = 0;
  return run([fixture("watchdog-watcher.mjs"), file], {
    onReady(pid) {
      writer = (JSON.parse(readFileSync(file, "utf8")) as { pid: number }).pid;
      process.kill(pid, "SIGSTOP");
      process.kill(writer, meanwhile);
      setTimeout(() => process.kill(pid, "SIGCONT"), STOPPED);
    },
    onStderr: () => after !== undefined && process.kill(writer, after),
  });
}

describe.runIf(process.platform !== "win32").concurrent("a watcher that was stopped itself", () => {
  test("does not report a process that was stopped with it and continues a little later", async () => {
    const { events } = await stopWatcher("SIGSTOP", "SIGCONT");
    expect(events).toEqual([{ event: "ready" }, { event: "done", status: "alive" }]);
  });

  test("does not report a process that has continued", async () => {
    const { events } = await stopWatcher("SIGCONT");
    expect(events).toEqual([{ event: "ready" }, { event: "done", status: "alive" }]);
  });

  test.each([
    ["SIGKILL", "dead"],
    ["SIGSTOP", "stale"],
  ] as const)("alarms for a process that got %s in the meantime: %s", async (signal, kind) => {
    const { events } = await stopWatcher(signal);
    expect(events).toEqual([{ event: "ready" }, { event: "timeout", kind }, { event: "done", status: kind }]);
  });
});
