import fs from "node:fs";
import path from "node:path";
import vm from "node:vm";
import { afterEach, describe, expect, test, vi } from "vitest";
import { Heartbeat } from "../../src/heartbeat/heartbeat.js";
import { parsePath } from "../../src/heartbeat-file/options.js";
import { processExists } from "../../src/process/identity.js";
import { readFileSync } from "../../src/heartbeat-file/read-file.js";
import { stateFileWriter } from "../../src/heartbeat-file/state-file.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import { temporaryFolder } from "../heartbeat/folder.js";

afterEach(() => {
  vi.restoreAllMocks();
});

/** An error of the system as code in a sandbox sees it, such as one of Jest: of another realm. */
function foreign(code: string): Error {
  const error: unknown = vm.runInNewContext(
    `Object.assign(new Error("${code}: made up"), { code: "${code}" })`,
  );
  expect(error).not.toBeInstanceOf(Error);
  return error as Error;
}

describe("an error of another realm", () => {
  test("about a missing folder leads to its creation", async () => {
    const file = path.join(temporaryFolder(), "run", "a.heartbeat");
    vi.spyOn(fs.promises, "open").mockRejectedValueOnce(foreign("ENOENT"));
    await stateFileWriter(file)("beat");
    expect(fs.readFileSync(file, "utf8")).toBe("beat");
  });

  test("about a locked file leads to another attempt to rename", async () => {
    const file = path.join(temporaryFolder(), "a.heartbeat");
    const clock = new ManualClock();
    vi.spyOn(fs.promises, "rename").mockRejectedValueOnce(foreign("EPERM"));
    const written = stateFileWriter(file, undefined, clock)("beat");
    while (!fs.existsSync(file)) await clock.advance("80ms");
    await written;
    expect(fs.readFileSync(file, "utf8")).toBe("beat");
  });

  test("is accepted if it is about a missing process, and not otherwise", () => {
    const kill = vi.spyOn(process, "kill");
    for (const [code, exists] of [
      ["ESRCH", false],
      ["EPERM", true],
    ] as const) {
      kill.mockImplementationOnce(() => {
        throw foreign(code);
      });
      expect(processExists(4711)).toBe(exists);
    }
  });

  test("says why a file cannot be read", () => {
    for (const [code, reason] of [
      ["EACCES", "no permission"],
      ["ENOENT", "no such file"],
      ["EIO", "cannot be read: EIO"],
    ] as const) {
      vi.spyOn(fs, "statSync").mockImplementationOnce(() => {
        throw foreign(code);
      });
      expect(readFileSync("/a").reason).toBe(reason);
    }
  });

  test("is reported with its own message when a beat is missed", async () => {
    const stateFile = path.join(temporaryFolder(), "a.heartbeat");
    vi.spyOn(fs.promises, "open").mockRejectedValueOnce(foreign("EROFS"));
    const heartbeat = new Heartbeat({ stateFile, onMissedBeat: () => undefined });
    await expect(heartbeat.beat()).rejects.toThrow(/missed a beat: EROFS: made up\.$/);
  });
});

test("a URL and metadata of another realm are accepted like those of this one", async () => {
  const url = {
    href: "file:///run/a.heartbeat",
    protocol: "file:",
    hostname: "",
    pathname: "/run/a.heartbeat",
  };
  expect(parsePath(url, "file")).toBe(path.resolve("/run/a.heartbeat"));
  const metadata: object = vm.runInNewContext("({ list: [1, { a: null }], at: new Date(0) })");
  const written: unknown[] = [];
  await new Heartbeat({ metadata, onBeat: (state) => written.push(state.metadata) }).beat();
  expect(written).toEqual([{ list: [1, { a: null }], at: "1970-01-01T00:00:00.000Z" }]);
  expect(() => new Heartbeat({ metadata: { inner: vm.runInNewContext("new Map()") } })).toThrow(TypeError);
});
