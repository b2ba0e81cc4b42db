import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { Heartbeat } from "../../src/heartbeat/heartbeat.js";
import type { HeartbeatError } from "../../src/heartbeat/errors.js";
import { collectWarnings, temporaryFolder } from "./folder.js";

const run = promisify(execFile);
const fixture = (name: string): string => path.join(import.meta.dirname, "..", "fixtures", `${name}.mjs`);

/** `FAULT_BEATS=1000 FAULT_READS=10000` for the whole of it. */
const BEATS = Number(process.env["FAULT_BEATS"] ?? 150);
const READS = Number(process.env["FAULT_READS"] ?? 1000);
const FILE = "app.heartbeat";
const MOST_TURNS = 3000;

/** Runs a program until it kills itself; returns the content of its folder after its first beat. */
async function live(stateFile: string, turns: number): Promise<{ pid: number | undefined; found: string }> {
  const child = spawn(process.execPath, [fixture("heartbeat-crash"), stateFile, String(turns)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [found, exit] = await Promise.all([text(child.stdout), once(child, "exit")]);
  expect(exit).toEqual([null, "SIGKILL"]);
  return { pid: child.pid, found };
}

// Generous: dozens of processes are started, perhaps on a busy machine.
describe("a heartbeat", { timeout: 600_000 }, () => {
  test("that is killed at random moments leaves a whole file, and at most one temporary file until the next start", async () => {
    const folder = temporaryFolder();
    const stateFile = path.join(folder, FILE);
    const tally = { beats: 0, kills: 0, temporary: 0 };
    while (tally.beats < BEATS) {
      const turns = Math.floor(Math.random() * MOST_TURNS);
      const { pid, found } = await live(stateFile, turns);
      expect(found, `killed after ${turns} turns`).toBe(JSON.stringify([FILE]));
      const { status, state } = await Heartbeat.check(stateFile);
      expect(state).toMatchObject({ pid, metadata: { filler: "x".repeat(50_000) } });
      expect(status).toBe("dead");
      tally.kills++;
      tally.beats += state?.sequence ?? 0;
      const others = fs.readdirSync(folder).filter((name) => name !== FILE);
      expect(others.every((name) => name.includes(`.${pid}.`) && name.endsWith(".tmp"))).toBe(true);
      expect(others.length).toBeLessThanOrEqual(1);
      tally.temporary += others.length;
    }
    await new Heartbeat({ stateFile }).beat();
    expect(fs.readdirSync(folder)).toEqual([FILE]);
    console.log(`killed ${tally.kills} times in ${tally.beats} beats; temporary files: ${tally.temporary}`);
  });

  test("that is written as fast as possible is never read in part by many concurrent readers", async () => {
    const stateFile = path.join(temporaryFolder(), FILE);
    await new Heartbeat({ stateFile }).beat();
    const writer = spawn(process.execPath, [fixture("heartbeat-writer"), stateFile, "0"]);
    onTestFinished(() => void writer.kill("SIGKILL"));
    while ((await Heartbeat.readState(stateFile))?.pid !== writer.pid) await new Promise(setImmediate);
    const seen = new Set<number | undefined>();
    let torn = 0;
    let left = READS;
    const reader = async (): Promise<void> => {
      // On a busy machine the writer may come to nothing between a thousand reads.
      while (left-- > 0 || seen.size <= 5) {
        const state = await Heartbeat.readState(stateFile);
        if (state === null) torn++;
        seen.add(state?.sequence);
      }
    };
    await Promise.all(Array.from({ length: 50 }, reader));
    expect(torn).toBe(0);
    expect(seen.size).toBeGreaterThan(5);
    console.log(`${READS} reads saw ${seen.size} beats`);
  });

  test.skipIf(process.platform === "win32")(
    "that has no write permission misses beats, and beats again once it has it",
    async () => {
      const stateFile = path.join(temporaryFolder(), "own", FILE);
      const { stdout, stderr } = await run(process.execPath, [fixture("heartbeat-forbidden"), stateFile]);
      expect(stderr).toBe("");
      expect(JSON.parse(stdout)).toEqual({ missed: ["EACCES"], sequence: 1, files: [FILE], after: 3 });
    },
  );

  test("replaces a symlink planted at the path of its file, and follows one at that of its folder", async () => {
    const folder = temporaryFolder();
    const victim = path.join(folder, "victim");
    const warnings = collectWarnings("KSTLIB_HEARTBEAT_LINK");
    fs.writeFileSync(victim, "precious");
    fs.mkdirSync(path.join(folder, "real"));
    fs.symlinkSync(path.join(folder, "real"), path.join(folder, "link"), "junction");
    fs.symlinkSync(victim, path.join(folder, "real", FILE));
    const stateFile = path.join(folder, "link", FILE);
    await new Heartbeat({ stateFile }).beat();
    expect(fs.readFileSync(victim, "utf8")).toBe("precious");
    expect(fs.lstatSync(path.join(folder, "real", FILE)).isFile()).toBe(true);
    expect((await Heartbeat.readState(stateFile))?.pid).toBe(process.pid);
    expect(warnings).toHaveLength(1);
  });
});

/** Whether a small file system can be mounted in a folder. */
function canMount(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  const folder = fs.mkdtempSync("/tmp/heartbeat-mount-");
  const isDone = spawnSync("mount", ["-t", "tmpfs", "tmpfs", folder]).status === 0;
  if (isDone) spawnSync("umount", [folder]);
  fs.rmdirSync(folder);
  return isDone;
}

/** A folder that is a file system of its own while the test runs. */
function smallFileSystem(options: string): string {
  const folder = temporaryFolder();
  expect(spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder]).status).toBe(0);
  onTestFinished(() => void spawnSync("umount", ["--lazy", folder]));
  return folder;
}

interface Faulty {
  readonly heartbeat: Heartbeat;
  readonly stateFile: string;
  readonly missed: unknown[];
}

function on(folder: string): Faulty {
  const stateFile = path.join(folder, FILE);
  const missed: unknown[] = [];
  const onMissedBeat = ({ cause }: HeartbeatError): unknown =>
    missed.push(Reflect.get(Object(cause), "code"));
  const heartbeat = new Heartbeat({ stateFile, onMissedBeat, metadata: { filler: "x".repeat(10_000) } });
  return { heartbeat, stateFile, missed };
}

const mountable = canMount();

describe.skipIf(!mountable)(`a file system${mountable ? "" : " (SKIPPED: may not mount one)"}`, () => {
  const fill = (folder: string): (() => void) => {
    const ballast = path.join(folder, "ballast");
    const descriptor = fs.openSync(ballast, "wx");
    expect(() => {
      for (;;) fs.writeSync(descriptor, Buffer.alloc(4096));
    }).toThrow(/ENOSPC/);
    fs.closeSync(descriptor);
    return () => fs.rmSync(ballast);
  };

  test.each([
    ["of 64 kB that is full", "size=64k", fill],
    [
      "that can hold no more files",
      "nr_inodes=4",
      (folder: string) => {
        for (const name of ["a", "b"]) fs.writeFileSync(path.join(folder, name), "");
        return () => fs.rmSync(path.join(folder, "a"));
      },
    ],
  ])(
    "%s makes beats fail, keeps the last one whole, and takes the next when there is room",
    async (_title, options, use) => {
      const folder = smallFileSystem(options);
      const { heartbeat, stateFile, missed } = on(folder);
      await heartbeat.beat();
      const before = fs.readFileSync(stateFile, "utf8");
      const free = use(folder);
      const files = fs.readdirSync(folder);
      for (let beat = 0; beat < 3; beat++) await expect(heartbeat.beat()).rejects.toThrow(/ENOSPC/);
      expect(missed).toEqual(["ENOSPC", "ENOSPC", "ENOSPC"]);
      expect(fs.readFileSync(stateFile, "utf8")).toBe(before);
      expect(fs.readdirSync(folder)).toEqual(files);
      free();
      await heartbeat.beat();
      expect(await Heartbeat.readState(stateFile)).toMatchObject({ sequence: 5 });
      expect(heartbeat.snapshot()).toMatchObject({ beats: 2, missedBeats: 3, lastError: null });
    },
  );

  test("that is read-only misses beats until it is writable again, and can still be read", async () => {
    const folder = smallFileSystem("size=1m");
    const { heartbeat, stateFile, missed } = on(folder);
    heartbeat.start();
    await heartbeat.beat();
    expect(spawnSync("mount", ["-o", "remount,ro", folder]).status).toBe(0);
    await expect(heartbeat.beat()).rejects.toThrow(/EROFS/);
    expect(missed).toEqual(["EROFS"]);
    expect(await Heartbeat.isAlive(stateFile)).toBe(true);
    expect(spawnSync("mount", ["-o", "remount,rw", folder]).status).toBe(0);
    await heartbeat.stop();
    expect(fs.readdirSync(folder)).toEqual([FILE]);
    expect(await Heartbeat.check(stateFile)).toMatchObject({ status: "stopped" });
  });
});
