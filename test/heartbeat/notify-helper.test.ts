import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { NotifyHelper } from "../../src/heartbeat/notify-helper.js";
import { processExists } from "../../src/process/identity.js";
import { temporaryFolder } from "./folder.js";

const isLinux = process.platform === "linux";

/** Writes its session, which is the pid of the helper. */
const SESSION = 'echo "$(cut -d" " -f6 /proc/self/stat)" >> "$log"';

function processGroup(): string {
  return String(fs.readFileSync("/proc/self/stat", "latin1").split(") ").at(-1)?.split(" ")[2]);
}

/** Puts a program of that name and script before the system's own, and gives the file it may write to. */
function program(script: string): string {
  const folder = temporaryFolder();
  const log = path.join(folder, "log");
  // Some scripts kill their process group, which must never be that of the tests.
  const guard = `[ "$(cut -d" " -f5 /proc/self/stat)" = ${processGroup()} ] && exit 9`;
  const lines = ["#!/bin/sh", guard, `log='${log}'`, script, ""];
  fs.writeFileSync(path.join(folder, "systemd-notify"), lines.join("\n"), { mode: 0o755 });
  vi.stubEnv("PATH", `${folder}${path.delimiter}${process.env["PATH"]}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  return log;
}

function helper(socket = "/nowhere"): NotifyHelper {
  const made = new NotifyHelper(socket);
  onTestFinished(() => made.end());
  return made;
}

const told = (log: string): string[] => fs.readFileSync(log, "utf8").trimEnd().split("\n");

describe.skipIf(!isLinux)("the helper that forwards notices", () => {
  test("calls systemd-notify for each, with a word for each line and the socket's address", async () => {
    const log = program('echo "$NOTIFY_SOCKET $# $*" >> "$log"');
    const { send } = helper("@kstlib/a b");
    await send("READY=1\nSTATUS=running");
    await send("WATCHDOG=1");
    expect(told(log)).toEqual(["@kstlib/a b 2 READY=1 STATUS=running", "@kstlib/a b 1 WATCHDOG=1"]);
  });

  test("is one process for all notices, exits at its end, and is started again for the next notice", async () => {
    const log = program(SESSION);
    const notices = helper();
    await notices.send("A=1");
    await notices.send("A=2");
    const shell = Number(told(log)[0]);
    expect(told(log)).toEqual([`${shell}`, `${shell}`]);
    expect(processExists(shell)).toBe(true);
    await notices.end();
    await notices.end();
    expect(processExists(shell)).toBe(false);
    await notices.send("A=3");
    expect(new Set(told(log)).size).toBe(2);
  });

  test("rejects with what systemd-notify says", async () => {
    program("echo 'Failed to notify init system:' >&2; echo ' * No such file' >&2; exit 1");
    await expect(helper().send("READY=1")).rejects.toThrow(
      new Error("Failed to notify init system: * No such file"),
    );
  });

  test("rejects if there is no systemd-notify", async () => {
    vi.stubEnv("PATH", temporaryFolder());
    onTestFinished(() => void vi.unstubAllEnvs());
    await expect(helper().send("READY=1")).rejects.toThrow(/systemd-notify.*not found/);
  });

  test("rejects when it is killed, and starts again for the next", async () => {
    const log = program('echo "$*" >> "$log"; [ "$1" = A=1 ] && kill -9 0; exit 0');
    const { send } = helper();
    await expect(send("A=1")).rejects.toThrow(/helper process ended with SIGKILL/);
    await send("A=2");
    expect(told(log)).toEqual(["A=1", "A=2"]);
  });

  test("survives, with its children, the signals that systemd sends to all processes of a unit", async () => {
    const log = program('[ "$1" = A=1 ] && { kill -TERM 0; kill -INT 0; kill -HUP 0; }; echo "$*" >> "$log"');
    const { send } = helper();
    await send("A=1");
    await send("A=2");
    expect(told(log)).toEqual(["A=1", "A=2"]);
  });

  test("ends with its parent, however the parent ends", async () => {
    const log = program(SESSION);
    const child = spawn(
      process.execPath,
      [path.join(import.meta.dirname, "../fixtures/heartbeat-killed.mjs")],
      {
        env: { ...process.env, NOTIFY_SOCKET: "/nowhere" },
        stdio: ["ignore", "inherit", "inherit"],
      },
    );
    expect(await once(child, "exit")).toEqual([null, "SIGKILL"]);
    const shell = Number(told(log)[0]);
    await vi.waitFor(() => expect(processExists(shell)).toBe(false), 60_000);
  });
});
