import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import { Writable } from "node:stream";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { ownProcess, processFate } from "../../src/heartbeat-file/process-identity.js";
import type { HeartbeatState } from "../../src/heartbeat-file/state.js";
import { formatTimestamp } from "../../src/heartbeat-file/timestamp.js";
import { processExists } from "../../src/process/identity.js";

const onLinux = process.platform === "linux";
const now = Date.now();
const own = ownProcess().processStart;

const state = (change: Partial<HeartbeatState>): HeartbeatState => ({
  timestamp: formatTimestamp(now),
  pid: process.pid,
  hostname: os.hostname(),
  metadata: {},
  ...change,
});

/** A process that waits until the test ends. */
function sleeper(): ChildProcess & { readonly pid: number } {
  const child = spawn(process.execPath, ["-e", "process.stdin.resume()"], {
    stdio: ["pipe", "ignore", "ignore"],
  });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  if (child.pid === undefined) throw new Error("no child");
  return Object.assign(child, { pid: child.pid });
}

async function gonePid(): Promise<number> {
  const child = sleeper();
  child.kill("SIGKILL");
  await once(child, "exit");
  return child.pid;
}

describe("the process of a heartbeat", () => {
  test("is running when it is this one", () => {
    expect(processFate(state({}), now)).toBe("running");
    expect(processFate(state(own === undefined ? {} : { processStart: own }), now)).toBe("running");
  });

  test("is gone when no process has its pid", async () => {
    const pid = await gonePid();
    expect(processExists(pid)).toBe(false);
    expect(processFate(state({ pid }), now)).toBe("gone");
    expect(processFate(state({ pid, ...(own === undefined ? {} : { processStart: own }) }), now)).toBe(
      "gone",
    );
  });

  test("is not judged by its pid on another host", async () => {
    const pid = await gonePid();
    expect(processFate(state({ pid, hostname: `${os.hostname()}-not` }), now)).toBe("unknown");
  });

  test("counts as existing if the system rejects its pid", () => {
    expect(processExists(2 ** 40)).toBe(true);
  });

  describe.skipIf(!onLinux)("on Linux (skipped elsewhere: no start times)", () => {
    test("is gone when its pid belongs to a later process, as its start mark shows", () => {
      const { pid } = sleeper();
      expect(own).toMatch(/^[0-9a-f-]{36}\/\d+\/\d+$/);
      expect(processFate(state({ pid, processStart: own ?? "" }), now)).toBe("gone");
    });

    test("is not judged by its pid when the file is from another boot or pid namespace", async () => {
      const [boot, space, start] = (own ?? "").split("/");
      const pid = await gonePid();
      for (const processStart of [
        `${boot}x/${space}/${start}`,
        `${boot}/${space}0/${start}`,
        "nonsense",
        "",
      ]) {
        expect(processFate(state({ pid, processStart }), now)).toBe("unknown");
      }
    });

    test("is gone when it has ended and its parent has not collected it", async () => {
      // The shell becomes a program that collects no children, and only then its child ends.
      const parent = spawn("sh", ["-c", "cat <&3 & echo $!; exec sleep 60"], {
        stdio: ["ignore", "pipe", "ignore", "pipe"],
      });
      onTestFinished(() => {
        parent.kill("SIGKILL");
      });
      const { stdout, stdio } = parent;
      if (stdout === null || !(stdio[3] instanceof Writable)) throw new Error("no pipes");
      const [line]: unknown[] = await once(stdout, "data");
      const pid = Number(line);
      const patience = { timeout: 60_000 };
      await vi.waitFor(
        () => expect(fs.readFileSync(`/proc/${parent.pid}/comm`, "utf8")).toBe("sleep\n"),
        patience,
      );
      expect(processFate(state({ pid }), now)).toBe("running");
      stdio[3].end();
      await vi.waitFor(() => expect(processFate(state({ pid }), now)).toBe("gone"), patience);
      expect(processExists(pid)).toBe(true);
    });

    test("is not judged by its start time where the uptime is not that of the host", () => {
      const { pid } = sleeper();
      const startedAt = formatTimestamp(now - 3_600_000);
      expect(processFate(state({ pid, startedAt }), now)).toBe("gone");
      vi.spyOn(os, "uptime").mockReturnValue(0.5);
      expect(processFate(state({ pid, startedAt }), now)).toBe("running");
      vi.restoreAllMocks();
    });

    test("is gone when its pid belongs to a process younger than a file without the mark", () => {
      const { pid } = sleeper();
      const hour = 3_600_000;
      expect(processFate(state({ pid }), now)).toBe("running");
      expect(processFate(state({ pid, startedAt: formatTimestamp(now) }), now)).toBe("running");
      expect(processFate(state({ pid, startedAt: formatTimestamp(now - hour) }), now)).toBe("gone");
      expect(processFate(state({ pid, timestamp: formatTimestamp(now - hour) }), now)).toBe("gone");
    });
  });
});
