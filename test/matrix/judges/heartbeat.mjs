import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { must, NotApplicable } from "../outside.mjs";

async function check(outside, file, maxAge) {
  const program = outside.start("heartbeat.mjs", ["read", file, maxAge]);
  const { status } = await program.event("checked");
  await program.endsWith(0);
  return status;
}

const isWritten = (file) => () => fs.existsSync(file) && JSON.parse(fs.readFileSync(file, "utf8"));

async function written(program, file) {
  await program.event("started");
  return program.until(isWritten(file), "the first beat");
}

const RECEIVER = path.resolve(import.meta.dirname, "../../fixtures/notify-receiver.py");
const python = process.env["PYTHON_PATH"] ?? "python3";

export const heartbeat = [
  {
    id: "heartbeat",
    title: "alive while it beats, stopped afterwards",
    async judge(outside) {
      const file = outside.file("beat");
      const program = outside.start("heartbeat.mjs", ["write", file]);
      const { sequence } = await written(program, file);
      await program.until(() => isWritten(file)().sequence > sequence, "the next beat");
      const running = await check(outside, file, "30s");
      must(running === "alive", `it is ${running} while it runs`);
      program.endInput();
      await program.endsWith(0);
      const over = await check(outside, file, "30s");
      must(over === "stopped", `it is ${over} after the end`);
      must(fs.readdirSync(outside.folder).length === 1, "a file was left behind");
    },
  },
  {
    id: "heartbeat-frozen",
    title: "stale while the event loop is frozen",
    async judge(outside) {
      const file = outside.file("beat");
      const program = outside.start("heartbeat.mjs", ["freeze", file]);
      await program.event("freezing");
      await sleep(2500);
      const status = await check(outside, file, "2s");
      must(status === "stale", `it is ${status}`);
    },
  },
  {
    id: "heartbeat-dead",
    title: "dead as soon as its process is gone",
    async judge(outside) {
      const file = outside.file("beat");
      const program = outside.start("heartbeat.mjs", ["write", file]);
      await written(program, file);
      program.signal("SIGKILL");
      await program.end();
      const status = await check(outside, file, "1h");
      must(status === "dead", `it is ${status}`);
    },
  },
  {
    id: "heartbeat-reused",
    title: "dead when another process has its id",
    async judge(outside) {
      if (process.platform !== "linux") throw new NotApplicable("only Linux tells when a process started");
      const file = outside.file("beat");
      const program = outside.start("heartbeat.mjs", ["write", file]);
      const state = await written(program, file);
      program.signal("SIGKILL");
      await program.end();
      fs.writeFileSync(file, JSON.stringify({ ...state, pid: process.pid }));
      const status = await check(outside, file, "1h");
      must(status === "dead", `it is ${status}`);
    },
  },
  {
    id: "systemd",
    title: "told to systemd",
    async judge(outside) {
      const missing = [python, "systemd-notify"].find((name) => spawnSync(name, ["--version"]).status !== 0);
      if (missing !== undefined) throw new NotApplicable(`there is no ${missing} here`);
      const socket = outside.file("notify");
      const manager = outside.start(RECEIVER, [socket], { command: [python] });
      const came = (text) => manager.until(({ stdout }) => stdout.includes(`${text}\n`), text);
      await came('[0, "listening"]');
      const env = { ...process.env, NOTIFY_SOCKET: socket, WATCHDOG_USEC: "200000" };
      const program = outside.start("heartbeat.mjs", ["notify"], { env });
      await came(String.raw`"READY=1\nSTATUS=running"]`);
      await came('"WATCHDOG=1"]');
      program.endInput();
      await program.endsWith(0);
      await came(String.raw`"STOPPING=1\nSTATUS=stopped"]`);
    },
  },
];
