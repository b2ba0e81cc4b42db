import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { pidScope } from "../../src/heartbeat-file/process-identity.js";
import { readText, readTextSync, stateFileWriter } from "../../src/heartbeat-file/state-file.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import { temporaryFolder } from "../heartbeat/folder.js";

const onPosix = process.platform !== "win32";
const UUID = "0b0e8a1c-7c0a-4c53-9d6e-5a8f5b2f0a11";
/** Beyond the highest pid that any system hands out. */
const NOBODY = 2 ** 31 - 1;

afterEach(() => {
  vi.restoreAllMocks();
});

function failWith(code: string): () => Promise<never> {
  return () => Promise.reject(Object.assign(new Error(`${code}: made up`), { code }));
}

describe("writing a state file", () => {
  it("replaces the text and leaves nothing else in the folder", async () => {
    const folder = temporaryFolder();
    const write = stateFileWriter(path.join(folder, "a.heartbeat"), false);
    await write("first");
    await write("second");
    expect(fs.readdirSync(folder)).toEqual(["a.heartbeat"]);
    expect(fs.readFileSync(path.join(folder, "a.heartbeat"), "utf8")).toBe("second");
  });

  it.skipIf(!onPosix)("gives the file to its owner alone, whatever was there before", async () => {
    const target = path.join(temporaryFolder(), "a.heartbeat");
    fs.writeFileSync(target, "old", { mode: 0o666 });
    await stateFileWriter(target, false)("new");
    expect(fs.statSync(target).mode & 0o777).toBe(0o600);
  });

  it("creates the folder, also when it was removed between two beats", async () => {
    const folder = path.join(temporaryFolder(), "run", "app");
    const write = stateFileWriter(path.join(folder, "a.heartbeat"), false);
    await write("first");
    fs.rmSync(folder, { recursive: true });
    await write("second");
    expect(fs.readdirSync(folder)).toEqual(["a.heartbeat"]);
  });

  it.skipIf(!onPosix)("replaces a planted link and does not follow it", async () => {
    const folder = temporaryFolder();
    const victim = path.join(folder, "victim");
    const target = path.join(folder, "a.heartbeat");
    fs.writeFileSync(victim, "precious");
    fs.symlinkSync(victim, target);
    await stateFileWriter(target, false)("beat");
    expect(fs.readFileSync(victim, "utf8")).toBe("precious");
    expect(fs.lstatSync(target).isSymbolicLink()).toBe(false);
  });

  it.skipIf(!onPosix)("refuses a link planted at the temporary name", async () => {
    const folder = temporaryFolder();
    const victim = path.join(folder, "victim");
    fs.writeFileSync(victim, "precious");
    vi.spyOn(crypto, "randomUUID").mockReturnValue(UUID);
    fs.symlinkSync(victim, path.join(folder, `.a.heartbeat.${pidScope()}.${process.pid}.${UUID}.tmp`));
    await expect(stateFileWriter(path.join(folder, "a.heartbeat"), false)("beat")).rejects.toMatchObject({
      code: "EEXIST",
    });
    expect(fs.readFileSync(victim, "utf8")).toBe("precious");
  });

  it("flushes to the disk only when asked to", async () => {
    const folder = temporaryFolder();
    const probe = await fs.promises.open(path.join(folder, "probe"), "w");
    const sync = vi.spyOn(Object.getPrototypeOf(probe), "sync");
    await probe.close();
    await stateFileWriter(path.join(folder, "a"), false)("x");
    expect(sync).not.toHaveBeenCalled();
    await stateFileWriter(path.join(folder, "a"), true)("x");
    expect(sync).toHaveBeenCalledOnce();
  });

  async function failSync() {
    const probe = await fs.promises.open(import.meta.filename);
    const sync = vi.spyOn<Record<string, () => Promise<void>>, string>(Object.getPrototypeOf(probe), "sync");
    await probe.close();
    return sync.mockImplementation(failWith("ENOSPC"));
  }

  function failHalfway() {
    return vi.spyOn(fs.promises, "writeFile").mockImplementation((name) => {
      if (typeof name === "string") fs.writeFileSync(name, "ne", { flag: "wx" });
      return failWith("ENOSPC")();
    });
  }

  it.each([
    { what: "writing", fail: failHalfway },
    { what: "flushing", fail: failSync },
  ])(
    "keeps the old text and leaves no temporary file when $what fails, and works again after it",
    async ({ fail }) => {
      const folder = temporaryFolder();
      const target = path.join(folder, "a.heartbeat");
      const write = stateFileWriter(target, true);
      await write("old");
      const failing = await fail();
      await expect(write("new")).rejects.toMatchObject({ code: "ENOSPC" });
      expect(failing).toHaveBeenCalledOnce();
      expect(fs.readdirSync(folder)).toEqual(["a.heartbeat"]);
      expect(fs.readFileSync(target, "utf8")).toBe("old");
      failing.mockRestore();
      await write("new");
      expect(fs.readFileSync(target, "utf8")).toBe("new");
    },
  );

  it("rejects with the system's error where a folder cannot be, and where a folder is", async () => {
    const folder = temporaryFolder();
    fs.writeFileSync(path.join(folder, "file"), "");
    fs.mkdirSync(path.join(folder, "taken", "inside"), { recursive: true });
    await expect(stateFileWriter(path.join(folder, "file", "a"), false)("x")).rejects.toMatchObject({
      code: expect.stringMatching(/^(ENOTDIR|ENOENT|EEXIST)$/),
    });
    await expect(stateFileWriter(path.join(folder, "taken"), false)("x")).rejects.toThrow(/rename/);
    expect(fs.readdirSync(folder).toSorted()).toEqual(["file", "taken"]);
  });

  it("takes a file name as long as the file system allows", async () => {
    const folder = temporaryFolder();
    const name = "é".repeat(100);
    await stateFileWriter(path.join(folder, name), false)("x");
    expect(fs.readdirSync(folder)).toEqual([name]);
  });

  it.each(["EPERM", "EBUSY", "EACCES"])("tries the rename again on %s", async (code) => {
    const folder = temporaryFolder();
    const clock = new ManualClock();
    const rename = vi.spyOn(fs.promises, "rename");
    for (let time = 0; time < 4; time++) rename.mockImplementationOnce(failWith(code));
    const written = stateFileWriter(path.join(folder, "a"), false, clock)("x");
    while (!fs.existsSync(path.join(folder, "a"))) await clock.advance("80ms");
    await written;
    expect(rename).toHaveBeenCalledTimes(5);
    expect(fs.readdirSync(folder)).toEqual(["a"]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("gives a rename up after five attempts, and at once on an error that stays", async () => {
    const folder = temporaryFolder();
    const clock = new ManualClock();
    const rename = vi.spyOn(fs.promises, "rename").mockImplementation(failWith("EBUSY"));
    const written = stateFileWriter(path.join(folder, "a"), false, clock)("x").catch((error) => error);
    while (rename.mock.calls.length < 5) await clock.advance("80ms");
    expect(await written).toMatchObject({ code: "EBUSY" });
    rename.mockClear().mockImplementation(failWith("EROFS"));
    await expect(stateFileWriter(path.join(folder, "a"), false, clock)("x")).rejects.toMatchObject({
      code: "EROFS",
    });
    expect(rename).toHaveBeenCalledOnce();
    expect(fs.readdirSync(folder)).toEqual([]);
  });
});

describe("the first write of a state file", () => {
  it("removes the temporary files of killed processes and nobody else's", async () => {
    const folder = temporaryFolder();
    const scope = pidScope();
    const old = new Date(Date.now() - 2 * 3_600_000);
    const make = (name: string, time?: Date): string => {
      fs.writeFileSync(path.join(folder, name), "");
      if (time !== undefined) fs.utimesSync(path.join(folder, name), time, time);
      return name;
    };
    const kept = [
      make(`.a.${scope}.${process.pid}.${UUID}.tmp`),
      make(`.a.${scope}.${process.ppid}.${UUID}.tmp`),
      make(`.a.elsewhere.${NOBODY}.${UUID}.tmp`),
      make(`.b.${scope}.${NOBODY}.${UUID}.tmp`),
      make(`.a.b.${scope}.${NOBODY}.${UUID}.tmp`, old),
      make(`.a.${scope}.${NOBODY}.tmp`, old),
      make(`.a.notes.tmp`, old),
    ];
    make(`.a.${scope}.${NOBODY}.${UUID}.tmp`);
    make(`.a.elsewhere.${NOBODY}.${UUID.replace("0", "1")}.tmp`, old);
    await stateFileWriter(path.join(folder, "a"), false)("x");
    expect(fs.readdirSync(folder).toSorted()).toEqual(["a", ...kept].toSorted());
  });

  it("works where the folder cannot be listed", async () => {
    const target = path.join(temporaryFolder(), "a");
    vi.spyOn(fs.promises, "readdir").mockImplementation(failWith("EACCES"));
    await stateFileWriter(target, false)("x");
    expect(fs.readFileSync(target, "utf8")).toBe("x");
  });
});

describe("reading a state file", () => {
  async function read(file: string): Promise<string | null> {
    const text = await readText(file);
    expect(readTextSync(file)).toBe(text);
    return text;
  }

  it("gives the whole text, without a byte order mark", async () => {
    const file = path.join(temporaryFolder(), "a");
    fs.writeFileSync(file, "\u{FEFF}{}");
    expect(await read(file)).toBe("{}");
    fs.writeFileSync(file, "");
    expect(await read(file)).toBe("");
  });

  it("gives null for what is missing or no file", async () => {
    const folder = temporaryFolder();
    expect(await read(path.join(folder, "missing"))).toBeNull();
    expect(await read(folder)).toBeNull();
    fs.writeFileSync(path.join(folder, "file"), "");
    expect(await read(path.join(folder, "file", "below"))).toBeNull();
  });

  it("reads at most 1 MiB", async () => {
    const file = path.join(temporaryFolder(), "a");
    fs.writeFileSync(file, " ".repeat(2 ** 20));
    expect(await read(file)).toHaveLength(2 ** 20);
    fs.appendFileSync(file, " ");
    expect(await read(file)).toBeNull();
    fs.truncateSync(file, 2 ** 40);
    expect(await read(file)).toBeNull();
  });

  it.skipIf(!onPosix)("does not wait for the other end of a named pipe, nor read a device", async () => {
    const fifo = path.join(temporaryFolder(), "fifo");
    execFileSync("mkfifo", [fifo]);
    expect(await read(fifo)).toBeNull();
    expect(await read("/dev/zero")).toBeNull();
    expect(await read("/dev/full")).toBeNull();
  });

  it.skipIf(!onPosix)(
    "does not even open what is no file, and does not wait when one is put there just then",
    async () => {
      const folder = temporaryFolder();
      const fifo = path.join(folder, "fifo");
      execFileSync("mkfifo", [fifo]);
      const open = vi.spyOn(fs.promises, "open");
      const openSync = vi.spyOn(fs, "openSync");
      expect(await read(fifo)).toBeNull();
      expect([...open.mock.calls, ...openSync.mock.calls]).toEqual([]);

      const regular = fs.statSync(import.meta.filename);
      vi.spyOn(fs.promises, "stat").mockResolvedValue(regular);
      vi.spyOn(fs, "statSync").mockReturnValue(regular);
      expect(await read(fifo)).toBeNull();
      expect([open.mock.calls.length, openSync.mock.calls.length]).toEqual([1, 1]);
    },
  );

  it.skipIf(process.platform !== "linux")(
    "gives null for a file whose size is not what it says",
    async () => {
      expect(await read("/proc/version")).toBeNull();
    },
  );

  it("leaves no descriptor open", async () => {
    const close = vi.spyOn(fs, "closeSync");
    const open = vi.spyOn(fs, "openSync");
    const file = path.join(temporaryFolder(), "a");
    fs.writeFileSync(file, "x");
    readTextSync(file);
    expect(close).toHaveBeenCalledTimes(open.mock.calls.length);
    expect(open).toHaveBeenCalledOnce();
  });
});
