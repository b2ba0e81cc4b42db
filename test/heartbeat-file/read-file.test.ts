import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  type Reading,
  readFile,
  readFileSync,
  readText,
  readTextSync,
} from "../../src/heartbeat-file/read-file.js";
import {
  check,
  checkSync,
  isAlive,
  isAliveSync,
  readState,
  readStateSync,
} from "../../src/heartbeat-file/readers.js";
import { formatTimestamp } from "../../src/heartbeat-file/timestamp.js";
import { readVersion, readVersionSync } from "../../src/cli/supervise/beat-detector.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import { Watchdog } from "../../src/watchdog/watchdog.js";
import { temporaryFolder } from "../heartbeat/folder.js";

const onPosix = process.platform !== "win32";

afterEach(() => {
  vi.restoreAllMocks();
});

/** A heartbeat of another host. */
function beat(metadata: object): string {
  const timestamp = formatTimestamp(Date.now());
  return JSON.stringify({ timestamp, pid: 4711, hostname: "web-1", interval: 3600, metadata });
}

describe("reading a state file", () => {
  /** What every reader says: the reason why there is no heartbeat, or none. */
  async function read(file: string): Promise<Reading["reason"]> {
    const { state, reason } = await readFile(file);
    expect(readFileSync(file)).toEqual({ state, ...(reason === undefined ? {} : { reason }) });
    expect(await readState(file)).toEqual(state);
    expect(readStateSync(file)).toEqual(state);
    const verdict = await check(file);
    expect(checkSync(file)).toMatchObject({ status: verdict.status, state });
    expect(verdict.reason).toBe(reason);
    expect(await isAlive(file)).toBe(verdict.status === "alive");
    expect(isAliveSync(file)).toBe(verdict.status === "alive");
    expect(state === null).toBe(reason !== undefined);
    return reason;
  }

  test("gives the whole text, without a byte order mark", async () => {
    const file = path.join(temporaryFolder(), "a");
    for (const [content, text] of [
      ["\u{FEFF}{}", "{}"],
      ["", ""],
    ] as const) {
      fs.writeFileSync(file, content);
      expect(await readText(file)).toBe(text);
      expect(readTextSync(file)).toBe(text);
    }
  });

  test("distinguishes a missing file from something that is not a file", async () => {
    const folder = temporaryFolder();
    expect(await read(path.join(folder, "missing"))).toBe("no such file");
    expect(await read(folder)).toBe("not a file");
    fs.writeFileSync(path.join(folder, "file"), "");
    expect(await read(path.join(folder, "file", "below"))).toBe("no such file");
    expect(await read(path.join(folder, "x".repeat(300)))).toMatch(/^cannot be read: E|^no such file$/);
  });

  test.skipIf(!onPosix)("does not follow a circular link", async () => {
    const file = path.join(temporaryFolder(), "a");
    fs.symlinkSync(file, file);
    expect(await read(file)).toBe("a circular link");
  });

  test("reads at most 1 MiB", async () => {
    const file = path.join(temporaryFolder(), "a");
    fs.writeFileSync(file, beat({ note: "" }).padEnd(2 ** 20));
    expect(await read(file)).toBeUndefined();
    fs.appendFileSync(file, " ");
    expect(await read(file)).toBe("larger than 1 MiB");
    fs.truncateSync(file, 2 ** 40);
    expect(await read(file)).toBe("larger than 1 MiB");
  });

  test("takes metadata nested up to 100 deep, which can be printed, and none deeper", async () => {
    const file = path.join(temporaryFolder(), "a");
    const nested = (depth: number, open: string, close: string): string =>
      beat({ deep: 0 }).replace('"deep":0', `"deep":${open.repeat(depth)}1${close.repeat(depth)}`);
    for (const [open, close] of [
      ["[", "]"],
      ['{"a":', "}"],
      ['[{"a":', "}]"],
    ] as const) {
      const each = open.startsWith("[{") ? 2 : 1;
      fs.writeFileSync(file, nested(Math.floor(99 / each), open, close));
      expect(await read(file)).toBeUndefined();
      expect(JSON.stringify(await check(file))).toContain(open.repeat(40));
      for (const depth of [Math.floor(99 / each) + 1, 5000, 50_000]) {
        fs.writeFileSync(file, nested(depth, open, close));
        expect(await read(file)).toBe("nested deeper than 100 levels");
      }
    }
  });

  test.skipIf(!onPosix)("does not wait for the other end of a named pipe, nor read a device", async () => {
    const fifo = path.join(temporaryFolder(), "fifo");
    execFileSync("mkfifo", [fifo]);
    expect(await read(fifo)).toBe("not a file");
    expect(await read("/dev/zero")).toBe("not a file");
    expect(await read("/dev/full")).toBe("not a file");
  });

  test.skipIf(!onPosix)(
    "does not open anything but a file, and does not wait if a pipe replaces the file just then",
    async () => {
      const folder = temporaryFolder();
      const fifo = path.join(folder, "fifo");
      execFileSync("mkfifo", [fifo]);
      const open = vi.spyOn(fs.promises, "open");
      const openSync = vi.spyOn(fs, "openSync");
      expect(await read(fifo)).toBe("not a file");
      expect([...open.mock.calls, ...openSync.mock.calls]).toEqual([]);

      const regular = fs.statSync(import.meta.filename);
      vi.spyOn(fs.promises, "stat").mockResolvedValue(regular);
      vi.spyOn(fs, "statSync").mockReturnValue(regular);
      expect(await read(fifo)).toBe("not a file");
      expect(open).toHaveBeenCalled();
      expect(openSync).toHaveBeenCalled();
    },
  );

  test.skipIf(process.platform !== "linux")("refuses a file with a false size", async () => {
    expect(await read("/proc/version")).toBe("changed while it was read");
  });

  test("gives no reader a heartbeat from a file that is nested too deep", async () => {
    const file = path.join(temporaryFolder(), "a");
    const deep = `${"[".repeat(5000)}${"]".repeat(5000)}`;
    fs.writeFileSync(file, beat({ deep: 0 }).replace('"deep":0', `"deep":${deep}`));
    expect((await readVersion(file))?.state).toBeNull();
    expect(readVersionSync(file)?.state).toBeNull();
    const clock = new ManualClock();
    const seen: object[] = [];
    using watchdog = Watchdog.fromStateFile(file, {
      maxAge: 30,
      clock,
      onTimeout: (info) => seen.push(info),
    });
    watchdog.start();
    await clock.advance(25);
    expect(seen).toEqual([]);
    await clock.advance(10);
    expect(seen).toEqual([expect.objectContaining({ kind: "unknown" })]);
  });

  test("refuses a file that grows while it is read", async () => {
    const file = path.join(temporaryFolder(), "a");
    fs.writeFileSync(file, beat({}));
    const grow = (): void => fs.appendFileSync(file, " ");
    const { readSync } = fs;
    vi.spyOn(fs, "readSync").mockImplementation((...args: Parameters<typeof readSync>) => {
      grow();
      return readSync(...args);
    });
    expect(readFileSync(file).reason).toBe("changed while it was read");
    const probe = await fs.promises.open(file);
    const prototype: fs.promises.FileHandle = Object.getPrototypeOf(probe);
    await probe.close();
    const stat = vi.spyOn(prototype, "stat").mockImplementation(() => {
      stat.mockRestore();
      const found = fs.statSync(file);
      grow();
      return Promise.resolve(found);
    });
    expect((await readFile(file)).reason).toBe("changed while it was read");
  });

  test.skipIf(!onPosix)("tells a reader under another account that it has no permission", async () => {
    const folder = temporaryFolder();
    fs.chmodSync(folder, 0o755);
    const closed = path.join(folder, "closed");
    fs.mkdirSync(closed);
    const file = path.join(folder, "a.heartbeat");
    for (const name of [file, path.join(closed, "b.heartbeat")])
      fs.writeFileSync(name, beat({}), { mode: 0o600 });
    fs.chmodSync(closed, 0o700);
    const reader = path.join(import.meta.dirname, "../fixtures/heartbeat-reader.mjs");
    const said = execFileSync(process.execPath, [reader, file, path.join(closed, "b.heartbeat")], {
      encoding: "utf8",
    });
    const forbidden = { status: "unknown", age: null, state: null, reason: "no permission" };
    expect(JSON.parse(said)).toEqual([forbidden, forbidden]);
  });

  test("gives a printable state, or a reason, for any content", async () => {
    const file = path.join(temporaryFolder(), "a.heartbeat");
    const odd = fc.oneof(
      fc.constantFrom("__proto__", "constructor", "toJSON", "\uD800", "\u001B[2J", "\u202E", "\0", "then"),
      fc.string({ unit: "binary" }),
    );
    const number = fc.constantFrom("1e999", "-1e999", "1e-999", "-0", "9".repeat(400), "NaN", "-Infinity");
    const value: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
      value: fc.oneof(
        { depthSize: "large", withCrossShrink: true },
        number,
        odd.map((text) => JSON.stringify(text)),
        fc.array(tie("value"), { maxLength: 4 }).map((items) => `[${items.join()}]`),
        fc
          .array(fc.tuple(odd, tie("value")), { maxLength: 4 })
          .map((pairs) => `{${pairs.map(([key, inner]) => `${JSON.stringify(key)}:${inner}`).join()}}`),
        fc.nat(6000).map((depth) => `${"[".repeat(depth)}${"]".repeat(depth)}`),
      ),
    })).value;
    const fields = fc.constantFrom(
      "timestamp",
      "pid",
      "hostname",
      "metadata",
      "status",
      "interval",
      "started_at",
      "x",
    );
    const hostile = fc
      .tuple(fields, value, fc.option(fc.nat(), { nil: undefined, freq: 8 }))
      .map(([field, inner, end]) => {
        const text = beat({}).replace(/\}$/, `,${JSON.stringify(field)}:${inner}}`);
        return Buffer.from(text).subarray(0, end);
      });
    const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
    const before = JSON.stringify(Object.getOwnPropertyNames(Object.prototype));
    await fc.assert(
      fc.asyncProperty(fc.oneof({ weight: 4, arbitrary: hostile }, bytes), async (content) => {
        fs.writeFileSync(file, content);
        const reason = await read(file);
        const verdict = checkSync(file);
        expect(JSON.stringify(verdict)).toEqual(expect.any(String));
        expect(structuredClone(verdict)).toBeDefined();
        expect(verdict.state === null).toBe(reason !== undefined);
      }),
      { numRuns: Number(process.env["PROPERTY_RUNS"] ?? 150) },
    );
    expect(JSON.stringify(Object.getOwnPropertyNames(Object.prototype))).toBe(before);
  });

  test("leaves no descriptor open", async () => {
    const close = vi.spyOn(fs, "closeSync");
    const open = vi.spyOn(fs, "openSync");
    const file = path.join(temporaryFolder(), "a");
    fs.writeFileSync(file, "x");
    readTextSync(file);
    expect(close).toHaveBeenCalledTimes(open.mock.calls.length);
    expect(open).toHaveBeenCalledOnce();
  });
});
