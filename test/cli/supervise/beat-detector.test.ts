import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { BeatDetector, readVersion, readVersionSync } from "../../../src/cli/supervise/beat-detector.js";
import type { HeartbeatState } from "../../../src/heartbeat-file/state.js";

const OLD: HeartbeatState = {
  timestamp: "2026-01-01T00:00:00.000000+00:00",
  pid: 7,
  hostname: "here",
  metadata: {},
  startedAt: "2025-12-31T00:00:00.000000+00:00",
};
const NEW: HeartbeatState = { ...OLD, pid: 8, startedAt: "2026-01-01T00:00:00.000000+00:00" };

describe("the heartbeat of a run", () => {
  test("is not the file that an earlier run has left, even if that says frozen", () => {
    const left = { mark: "1", state: { ...OLD, status: "frozen" } } as const;
    expect(new BeatDetector(left).look(left)).toBe("none");
  });

  test("is not a file that a process of an earlier run still writes", () => {
    const beats = new BeatDetector({ mark: "1", state: OLD });
    expect(beats.look({ mark: "2", state: OLD })).toBe("none");
    expect(beats.look({ mark: "3", state: { ...OLD, status: "frozen" } })).toBe("none");
    expect(beats.look({ mark: "4", state: NEW })).toBe("beat");
  });

  test("may have the pid of an earlier one, as in a small container", () => {
    const beats = new BeatDetector({ mark: "1", state: OLD });
    expect(beats.look({ mark: "2", state: { ...NEW, pid: OLD.pid } })).toBe("beat");
  });

  test("may come from the Python original, without a start time", () => {
    const python = { timestamp: OLD.timestamp, pid: 7, hostname: "here", metadata: {} };
    expect(new BeatDetector({ mark: "1", state: python }).look({ mark: "2", state: python })).toBe("beat");
  });

  test("is found once for each write, and so is frozen", () => {
    const beats = new BeatDetector(null);
    expect(beats.look(null)).toBe("none");
    expect(beats.look({ mark: "1", state: NEW })).toBe("beat");
    expect(beats.look({ mark: "1", state: NEW })).toBe("none");
    expect(beats.look({ mark: "2", state: { ...NEW, status: "frozen" } })).toBe("frozen");
    expect(beats.look({ mark: "2", state: { ...NEW, status: "frozen" } })).toBe("none");
    expect(beats.look({ mark: "3", state: NEW })).toBe("beat");
  });

  test("has the interval that the file contains", () => {
    const beats = new BeatDetector({ mark: "1", state: { ...OLD, interval: 3 } });
    expect(beats.interval).toBeUndefined();
    beats.look({ mark: "2", state: { ...NEW, interval: 10 } });
    expect(beats.interval).toBe(10);
    beats.look({ mark: "3", state: null });
    expect(beats.interval).toBeUndefined();
  });

  test("need not be JSON: a touched file is a beat", () => {
    expect(new BeatDetector({ mark: "1", state: null }).look({ mark: "2", state: null })).toBe("beat");
  });
});

describe("a look at the file", () => {
  let folder = "";
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "beats-"));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

  test("finds the same version until the next write, and another after it", async () => {
    const file = path.join(folder, "beat");
    expect(await readVersion(file)).toBeNull();
    expect(readVersionSync(file)).toBeNull();
    fs.writeFileSync(file, "");
    const first = readVersionSync(file);
    expect(first).toEqual({ mark: expect.any(String), state: null });
    expect(await readVersion(file)).toEqual(first);
    fs.utimesSync(file, 1, 1);
    const second = await readVersion(file);
    expect(second?.mark).not.toBe(first?.mark);
    fs.writeFileSync(`${file}.new`, JSON.stringify({ timestamp: OLD.timestamp, pid: 1, hostname: "h" }));
    fs.renameSync(`${file}.new`, file);
    const third = readVersionSync(file);
    expect(third?.mark).not.toBe(second?.mark);
    expect(third?.state?.pid).toBe(1);
  });
});
