import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { beginBeat, freezeLinkTo, writeFrozen } from "../../src/heartbeat-file/freeze-link.js";
import { ownProcess } from "../../src/heartbeat-file/process-identity.js";
import { encodeState, type HeartbeatState } from "../../src/heartbeat-file/state.js";

let folder = "";
let file = "";

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "freeze-link-"));
  file = path.join(folder, "app.heartbeat");
});
afterEach(() => rmSync(folder, { recursive: true }));

const beat: HeartbeatState = {
  timestamp: "2026-01-02T03:04:05.678000+00:00",
  ...ownProcess(),
  metadata: { version: "1.0.0" },
  status: "running",
  interval: 10,
  startedAt: "2026-01-02T03:00:00.000000+00:00",
  sequence: 7,
};

function written(state: HeartbeatState): string {
  writeFileSync(file, encodeState(state));
  return readFileSync(file, "utf8");
}

describe("a heartbeat's file in a freeze", () => {
  test.each(["starting", "running", "draining"] as const)(
    "says frozen instead of %s, and is otherwise unchanged",
    (status) => {
      written({ ...beat, status });
      writeFrozen(freezeLinkTo(file), () => true);
      expect(readFileSync(file, "utf8")).toBe(encodeState({ ...beat, status: "frozen" }));
      expect(readdirSync(folder)).toEqual(["app.heartbeat"]);
    },
  );

  test.each([
    ["was stopped", { ...beat, status: "stopped" }],
    ["is another process's", { ...beat, pid: process.pid + 1 }],
    ["is another host's", { ...beat, hostname: "elsewhere" }],
    ["is of an earlier process with this pid", { ...beat, processStart: "boot/1/2" }],
  ] as const)("that %s stays as it is", (_, state) => {
    const before = written(state);
    writeFrozen(freezeLinkTo(file), () => true);
    expect(readFileSync(file, "utf8")).toBe(before);
  });

  test.runIf(process.platform !== "win32")("can be read by its owner alone, like a beat", () => {
    written(beat);
    writeFrozen(freezeLinkTo(file), () => true);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test.runIf(process.platform !== "win32")("has the mode of the beats", () => {
    written(beat);
    writeFrozen(freezeLinkTo(file, 0o644), () => true);
    expect(statSync(file).mode & 0o777).toBe(0o644);
  });

  test.runIf(process.platform !== "win32")("is written to the target if it is a link, like the beats", () => {
    const target = path.join(folder, "target");
    written(beat);
    renameSync(file, target);
    symlinkSync("target", file);
    writeFrozen(freezeLinkTo(file), () => true);
    expect(lstatSync(file).isSymbolicLink()).toBe(true);
    expect(readFileSync(target, "utf8")).toBe(encodeState({ ...beat, status: "frozen" }));
    expect(readdirSync(folder)).toEqual(["app.heartbeat", "target"]);
  });

  test("is not written if it does not exist", () => {
    writeFrozen(freezeLinkTo(file), () => true);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("is unchanged if the thread continues at the last moment", () => {
    const before = written(beat);
    writeFrozen(freezeLinkTo(file), () => false);
    expect(readFileSync(file, "utf8")).toBe(before);
    expect(readdirSync(folder)).toEqual(["app.heartbeat"]);
  });

  test("is left to a beat that begins at the last moment", () => {
    const before = written(beat);
    const link = freezeLinkTo(file);
    // As beginBeat does, which would wait for this very thread.
    const begin = (): boolean => Atomics.add(link.turns, 0, 1) === 0;
    writeFrozen(link, begin);
    expect(readFileSync(file, "utf8")).toBe(before);
    expect(readdirSync(folder)).toEqual(["app.heartbeat"]);
  });

  test("does not make a beat wait unless it is being replaced", () => {
    const link = freezeLinkTo(file);
    written(beat);
    writeFrozen(link, () => true);
    beginBeat(link);
    expect([...link.turns]).toEqual([1, 0]);
  });

  test("is left to the next beat if it cannot be replaced, and the reason is thrown", () => {
    written(beat);
    const link = freezeLinkTo(file);
    const failing = (): boolean => {
      throw new Error("of the disk");
    };
    expect(() => writeFrozen(link, failing)).toThrow("of the disk");
    expect(link.turns[1]).toBe(0);
    expect(readdirSync(folder)).toEqual(["app.heartbeat"]);
  });
});
