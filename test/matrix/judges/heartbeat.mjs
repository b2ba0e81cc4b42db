import fs from "node:fs";
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

export const heartbeat = [
  {
    id: "heartbeat",
    title: "heartbeat: alive while it beats, stopped afterwards",
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
    title: "heartbeat: stale when the event loop is frozen",
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
    title: "heartbeat: dead at once when its process is gone",
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
    title: "heartbeat: dead when another process has its id",
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
];
