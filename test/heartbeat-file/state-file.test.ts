import { spawnSync } from "node:child_process";
import nodeCrypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { Heartbeat } from "../../src/heartbeat/heartbeat.js";
import { pidScope } from "../../src/process/identity.js";
import { stateFileWriter } from "../../src/heartbeat-file/state-file.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import { collectWarnings, temporaryFolder } from "../heartbeat/folder.js";

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
  test("replaces the text and leaves nothing else in the folder", async () => {
    const folder = temporaryFolder();
    const write = stateFileWriter(path.join(folder, "a.heartbeat"));
    await write("first");
    await write("second");
    expect(fs.readdirSync(folder)).toEqual(["a.heartbeat"]);
    expect(fs.readFileSync(path.join(folder, "a.heartbeat"), "utf8")).toBe("second");
  });

  test.skipIf(!onPosix)(
    "makes the file readable by its owner alone, even if it replaces another",
    async () => {
      const target = path.join(temporaryFolder(), "a.heartbeat");
      fs.writeFileSync(target, "old", { mode: 0o666 });
      await stateFileWriter(target)("new");
      expect(fs.statSync(target).mode & 0o777).toBe(0o600);
    },
  );

  test.skipIf(!onPosix)("gives the file the requested mode, regardless of the umask", async () => {
    const file = path.join(temporaryFolder(), "a.heartbeat");
    const program = `
      import fs from "node:fs";
      import { Heartbeat } from "@kstlib/resilience";
      process.umask(0o077);
      const [, stateFile] = process.argv;
      await new Heartbeat({ stateFile, mode: "0644" }).beat();
      console.log(fs.statSync(stateFile).mode & 0o777);`;
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program, file], {
      encoding: "utf8",
    });
    expect({ stdout, stderr }).toEqual({ stdout: "420\n", stderr: "" });
  });

  test("creates the folder, even if it was removed between two beats", async () => {
    const folder = path.join(temporaryFolder(), "run", "app");
    const write = stateFileWriter(path.join(folder, "a.heartbeat"));
    await write("first");
    fs.rmSync(folder, { recursive: true });
    await write("second");
    expect(fs.readdirSync(folder)).toEqual(["a.heartbeat"]);
  });

  test.skipIf(!onPosix)("refuses a link planted at the temporary name", async () => {
    const folder = temporaryFolder();
    const victim = path.join(folder, "victim");
    fs.writeFileSync(victim, "precious");
    vi.spyOn(nodeCrypto, "randomUUID").mockReturnValue(UUID);
    fs.symlinkSync(victim, path.join(folder, `.a.heartbeat.${pidScope()}.${process.pid}.${UUID}.tmp`));
    await expect(stateFileWriter(path.join(folder, "a.heartbeat"))("beat")).rejects.toMatchObject({
      code: "EEXIST",
    });
    expect(fs.readFileSync(victim, "utf8")).toBe("precious");
  });

  test("flushes to the disk only when asked to", async () => {
    const folder = temporaryFolder();
    const probe = await fs.promises.open(path.join(folder, "probe"), "w");
    const sync = vi.spyOn(Object.getPrototypeOf(probe), "sync");
    await probe.close();
    await stateFileWriter(path.join(folder, "a"))("x");
    expect(sync).not.toHaveBeenCalled();
    await stateFileWriter(path.join(folder, "a"), { fsync: true, mode: 0o600 })("x");
    expect(sync).toHaveBeenCalledOnce();
  });

  async function failSync() {
    const probe = await fs.promises.open(import.meta.filename);
    const sync = vi.spyOn<Record<string, () => Promise<void>>, string>(Object.getPrototypeOf(probe), "sync");
    await probe.close();
    return sync.mockImplementation(failWith("ENOSPC"));
  }

  async function failHalfway() {
    const probe = await fs.promises.open(import.meta.filename);
    const write = vi.spyOn<fs.promises.FileHandle, "writeFile">(Object.getPrototypeOf(probe), "writeFile");
    await probe.close();
    return write.mockImplementation(async function (this: fs.promises.FileHandle) {
      await this.write("ne");
      await failWith("ENOSPC")();
    });
  }

  test.each([
    { what: "writing", fail: failHalfway },
    { what: "flushing", fail: failSync },
  ])(
    "keeps the old text and leaves no temporary file when $what fails, and works again afterwards",
    async ({ fail }) => {
      const folder = temporaryFolder();
      const target = path.join(folder, "a.heartbeat");
      const write = stateFileWriter(target, { fsync: true, mode: 0o600 });
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

  test("rejects with the system's error if the folder cannot be created or the file is a folder", async () => {
    const folder = temporaryFolder();
    fs.writeFileSync(path.join(folder, "file"), "");
    fs.mkdirSync(path.join(folder, "taken", "inside"), { recursive: true });
    await expect(stateFileWriter(path.join(folder, "file", "a"))("x")).rejects.toMatchObject({
      code: expect.stringMatching(/^(ENOTDIR|ENOENT|EEXIST)$/),
    });
    await expect(stateFileWriter(path.join(folder, "taken"))("x")).rejects.toThrow(/rename/);
    expect(fs.readdirSync(folder).toSorted()).toEqual(["file", "taken"]);
  });

  test("accepts the longest file name that the file system allows", async () => {
    const folder = temporaryFolder();
    const name = "é".repeat(100);
    await stateFileWriter(path.join(folder, name))("x");
    expect(fs.readdirSync(folder)).toEqual([name]);
  });

  test.each(["EPERM", "EBUSY", "EACCES"])("tries the rename again on %s", async (code) => {
    const folder = temporaryFolder();
    const clock = new ManualClock();
    const rename = vi.spyOn(fs.promises, "rename");
    for (let time = 0; time < 4; time++) rename.mockImplementationOnce(failWith(code));
    const written = stateFileWriter(path.join(folder, "a"), undefined, clock)("x");
    while (!fs.existsSync(path.join(folder, "a"))) await clock.advance("80ms");
    await written;
    expect(rename).toHaveBeenCalledTimes(5);
    expect(fs.readdirSync(folder)).toEqual(["a"]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("gives up a rename after five attempts, and at once on a permanent error", async () => {
    const folder = temporaryFolder();
    const clock = new ManualClock();
    const rename = vi.spyOn(fs.promises, "rename").mockImplementation(failWith("EBUSY"));
    const written = stateFileWriter(path.join(folder, "a"), undefined, clock)("x").catch((error) => error);
    while (rename.mock.calls.length < 5) await clock.advance("80ms");
    expect(await written).toMatchObject({ code: "EBUSY" });
    rename.mockClear().mockImplementation(failWith("EROFS"));
    await expect(stateFileWriter(path.join(folder, "a"), undefined, clock)("x")).rejects.toMatchObject({
      code: "EROFS",
    });
    expect(rename).toHaveBeenCalledOnce();
    expect(fs.readdirSync(folder)).toEqual([]);
  });
});

describe.skipIf(!onPosix)("a link in place of a state file", () => {
  const BEAT = '{"timestamp":"2026-01-02T03:04:05+00:00","pid":1}';
  const NEXT = '{"timestamp":"2026-01-02T03:05:05+00:00","pid":1}';

  interface Linked {
    readonly folder: string;
    readonly link: string;
    readonly target: string;
    readonly warnings: readonly string[];
  }

  function linked(content?: string): Linked {
    const folder = fs.realpathSync(temporaryFolder());
    for (const name of ["app", "data"]) fs.mkdirSync(path.join(folder, name));
    const target = path.join(folder, "data", "a.heartbeat");
    const link = path.join(folder, "app", "a.heartbeat");
    if (content !== undefined) fs.writeFileSync(target, content);
    fs.symlinkSync("../data/a.heartbeat", link);
    return { folder, link, target, warnings: collectWarnings("KSTLIB_HEARTBEAT_LINK") };
  }

  /** What there is after two writes by this name. */
  async function write({ folder, link, target, warnings }: Linked, name: string = link): Promise<object> {
    const writing = stateFileWriter(name);
    await writing(NEXT);
    await writing(NEXT);
    const content = (file: string): string | null =>
      fs.lstatSync(file, { throwIfNoEntry: false })?.isFile() === true ? fs.readFileSync(file, "utf8") : null;
    const files = ["app", "data"].flatMap((part) => fs.readdirSync(path.join(folder, part)));
    return { link: content(link), target: content(target), files: files.length, warnings };
  }
  const FOLLOWED = { link: null, target: NEXT, files: 2, warnings: [] };
  const replaced = (target: string, { link }: Linked, why: string): object => ({
    link: NEXT,
    target,
    files: 2,
    warnings: [`${link} is a link and is replaced by the heartbeat's file: ${why}`],
  });

  test.each([
    ["nothing yet", undefined],
    ["an empty file", ""],
    ["a heartbeat", BEAT],
  ])("that was made by its user and leads to %s stays, and its target is written", async (_what, content) => {
    expect(await write(linked(content))).toEqual(FOLLOWED);
  });

  test("is followed through other links and into a folder that does not exist yet", async () => {
    const found = linked();
    fs.rmdirSync(path.dirname(found.target));
    const again = path.join(found.folder, "again");
    fs.symlinkSync(found.link, again);
    expect(await write(found, again)).toEqual(FOLLOWED);
    expect(fs.lstatSync(again).isSymbolicLink()).toBe(true);
  });

  test("is replaced if its target is not a heartbeat", async () => {
    const found = linked("precious");
    const why = `its target ${found.target} is not a heartbeat`;
    expect(await write(found)).toEqual(replaced("precious", found, why));
  });

  test("is replaced in a folder that every user may write to", async () => {
    const found = linked("");
    const folder = path.dirname(found.link);
    fs.chmodSync(folder, 0o1777);
    expect(await write(found)).toEqual(replaced("", found, `every user may write to ${folder}`));
  });

  test.skipIf(process.getuid?.() !== 0)("is replaced if it belongs to another user", async () => {
    const found = linked(BEAT);
    fs.lchownSync(found.link, 4711, 4711);
    const why = "it belongs to user 4711, this process to user 0";
    expect(await write(found)).toEqual(replaced(BEAT, found, why));
  });

  test("is replaced if it is circular", async () => {
    const found = linked();
    fs.symlinkSync(found.link, found.target);
    expect(await write(found)).toEqual({ ...replaced("", found, "it is circular"), target: null });
  });

  test("is neither followed nor replaced when its target cannot be read", async () => {
    const found = linked(BEAT);
    vi.spyOn(fs.promises, "open").mockImplementationOnce(failWith("EMFILE"));
    await expect(stateFileWriter(found.link)(NEXT)).rejects.toMatchObject({ code: "EMFILE" });
    expect(fs.readFileSync(found.link, "utf8")).toBe(BEAT);
    expect(await write(found)).toEqual(FOLLOWED);
  });

  test("is followed to a file of another mode, which changes to that of the beats", async () => {
    const found = linked("");
    fs.chmodSync(found.target, 0o666);
    expect(await write(found)).toEqual(FOLLOWED);
    expect(fs.statSync(found.target).mode & 0o777).toBe(0o600);
  });
});

const canBind = (() => {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  const folder = fs.mkdtempSync("/tmp/heartbeat-bind-");
  const [from = "", to = ""] = ["a", "b"].map((name) => path.join(folder, name));
  for (const file of [from, to]) fs.writeFileSync(file, "");
  const isDone = spawnSync("mount", ["--bind", from, to]).status === 0;
  if (isDone) spawnSync("umount", [to]);
  fs.rmSync(folder, { recursive: true });
  return isDone;
})();

describe.skipIf(!canBind)(`a state file${canBind ? "" : " (SKIPPED: may not mount one)"}`, () => {
  test("that is mounted by itself gives the advice to mount its folder, and leaves nothing behind", async () => {
    const folder = temporaryFolder();
    const [from = "", to = ""] = ["a", "b"].map((name) => path.join(folder, name));
    for (const file of [from, to]) fs.writeFileSync(file, "old");
    expect(spawnSync("mount", ["--bind", from, to]).status).toBe(0);
    onTestFinished(() => void spawnSync("umount", ["--lazy", to]));
    const heartbeat = new Heartbeat({ stateFile: to, onMissedBeat: () => undefined });
    await expect(heartbeat.beat()).rejects.toMatchObject({
      message: `heartbeat "heartbeat" missed a beat: EBUSY: ${to} cannot be replaced; if it is mounted by itself, mount its folder instead.`,
      cause: { code: "EBUSY" },
    });
    expect(fs.readFileSync(from, "utf8")).toBe("old");
    expect(fs.readdirSync(folder)).toEqual(["a", "b"]);
  });
});

describe("the first write of a state file", () => {
  test("removes the temporary files of killed processes and no others", async () => {
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
    await stateFileWriter(path.join(folder, "a"))("x");
    expect(fs.readdirSync(folder).toSorted()).toEqual(["a", ...kept].toSorted());
  });

  test("works if the folder cannot be listed", async () => {
    const target = path.join(temporaryFolder(), "a");
    vi.spyOn(fs.promises, "readdir").mockImplementation(failWith("EACCES"));
    await stateFileWriter(target)("x");
    expect(fs.readFileSync(target, "utf8")).toBe("x");
  });
});
