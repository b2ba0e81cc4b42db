import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { ownProcess, startOrder } from "../../src/heartbeat-file/process-identity.js";
import { encodeState, type HeartbeatState } from "../../src/heartbeat-file/state.js";
import { hasSuccessor } from "../../src/heartbeat-file/successor.js";
import { formatTimestamp } from "../../src/heartbeat-file/timestamp.js";
import { temporaryFolder } from "../heartbeat/folder.js";

const now = Date.now();
const EARLIER = formatTimestamp(now - 3_600_000);
const LATER = formatTimestamp(now + 3_600_000);
const [mark, ticks] = ((): [string, number] => {
  const [, place = "", start] = /^(.*)\/(\d+)$/.exec(ownProcess().processStart ?? "") ?? [];
  return [place, Number(start)];
})();

/** A process that began after this one, and when, as the kernel counts. */
function later(): { readonly pid: number; readonly processStart: string } {
  const child: ChildProcess = spawn("sleep", ["60"], { stdio: "ignore" });
  onTestFinished(() => void child.kill("SIGKILL"));
  const line = fs.readFileSync(`/proc/${child.pid}/stat`, "latin1").split(") ").at(-1) ?? "";
  return { pid: child.pid ?? 0, processStart: `${mark}/${line.split(" ")[19]}` };
}

function state(change: Partial<HeartbeatState>): HeartbeatState {
  return { timestamp: formatTimestamp(now), ...ownProcess(), metadata: {}, status: "running", ...change };
}

function holding(found: HeartbeatState): string {
  const file = path.join(temporaryFolder(), "a.heartbeat");
  fs.writeFileSync(file, encodeState(found));
  return file;
}

describe("the start order of two processes", () => {
  test.each<[string, string | undefined, string | undefined, number]>([
    ["the first", "boot/1/20", "boot/1/3", 17],
    ["the second", "boot/1/3", "boot/1/20", -17],
    ["neither", "boot/1/3", "boot/1/3", 0],
    ["not known: of another boot", "other/1/20", "boot/1/3", 0],
    ["not known: of another pid namespace", "boot/2/20", "boot/1/3", 0],
    ["not known: the system does not tell", undefined, undefined, 0],
    ["not known: nonsense", "20", "3", 0],
  ])("is %s", (_what, first, second, order) => {
    const of = (processStart: string | undefined): HeartbeatState => {
      const { processStart: _own, ...bare } = state({});
      return processStart === undefined ? bare : { ...bare, processStart };
    };
    expect(startOrder(of(first), of(second))).toBe(order);
  });
});

describe.skipIf(process.platform !== "linux")("a file that another process has written", () => {
  const own = state({ startedAt: formatTimestamp(now) });

  test.each([
    ["set back", EARLIER],
    ["set forward", LATER],
  ])("is its successor's also when the wall clock was %s in between", async (_what, startedAt) => {
    const file = holding(state({ ...later(), startedAt }));
    expect(await hasSuccessor(file, own, now)).toBe(true);
  });

  test("does not belong to its predecessor, even if the wall clock was set back", async () => {
    // Process 1 is older than this one, and its mark is asked for as it is written here.
    const line = fs.readFileSync("/proc/1/stat", "latin1").split(") ").at(-1) ?? "";
    const first = { pid: 1, processStart: `${mark}/${line.split(" ")[19]}`, startedAt: LATER };
    expect(Number(line.split(" ")[19])).toBeLessThan(ticks);
    expect(await hasSuccessor(holding(state(first)), own, now)).toBe(false);
  });

  test("goes by the wall clock if the file does not say when its process began", async () => {
    const { pid } = later();
    const { processStart: _start, ...bare } = state({ pid, hostname: os.hostname() });
    expect(await hasSuccessor(holding({ ...bare, startedAt: formatTimestamp(now + 1) }), own, now)).toBe(
      true,
    );
    expect(await hasSuccessor(holding({ ...bare, startedAt: EARLIER }), own, now)).toBe(false);
    expect(await hasSuccessor(holding(bare), own, now)).toBe(false);
  });

  test("has no successor when that process is gone", async () => {
    const found = state({ pid: 2 ** 31 - 1, processStart: `${mark}/${ticks + 1e6}`, startedAt: LATER });
    expect(await hasSuccessor(holding(found), own, now)).toBe(false);
  });
});
