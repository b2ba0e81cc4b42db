import fs from "node:fs";
import path from "node:path";
import { must } from "../outside.mjs";

const MAIN = path.resolve(import.meta.dirname, "../../../dist/cli/main.js");
const SUPERVISED = path.resolve(import.meta.dirname, "../programs/supervised.mjs");

const cli = (outside, ...args) => outside.start(MAIN, args, { env: { ...process.env, NO_COLOR: "1" } });

/** A program that beats, and its file. */
async function beating(outside) {
  const file = outside.file("app.heartbeat");
  const program = outside.start("heartbeat.mjs", ["write", file]);
  await program.until(() => fs.existsSync(file), "the first beat");
  return { program, file };
}

export const commandLine = [
  {
    id: "cli-check",
    title: "`check`",
    async judge(outside) {
      const { program, file } = await beating(outside);
      const { stdout, stderr } = await cli(outside, "check", file, "--max-age", "30").endsWith(0);
      must(/^alive: .*\n$/.test(stdout) && stderr === "", `it said ${stdout}${stderr}`);
      program.signal("SIGKILL");
      await program.end();
      const { stdout: after } = await cli(outside, "check", file).endsWith(1);
      must(/^dead: .*\n$/.test(after), `it said ${after} of a process that is gone`);
    },
  },
  {
    id: "cli-status",
    title: "`status`, also with `--watch`",
    async judge(outside) {
      const { file } = await beating(outside);
      const { stdout } = await cli(outside, "status", outside.folder, "--json").endsWith(0);
      const { allAlive, heartbeats } = JSON.parse(stdout);
      must(allAlive && heartbeats[0]?.file === file, `it said ${stdout}`);
      const watching = cli(outside, "status", outside.folder, "--watch", "--interval", "50ms");
      await watching.until((it) => it.stdout.split("1 alive").length > 3, "the third check");
      watching.signal("SIGINT");
      await watching.endsWith(0);
    },
  },
  {
    id: "cli-config",
    title: "`config init` and `config validate`",
    async judge(outside) {
      const file = outside.file("kstlib.conf.yml");
      await cli(outside, "config", "init", file).endsWith(0);
      await cli(outside, "config", "validate", file).endsWith(0);
    },
  },
  {
    id: "cli-supervise",
    title: "`supervise` restarts a frozen program",
    async judge(outside) {
      const file = outside.file("app.heartbeat");
      const options = [
        "--heartbeat",
        file,
        "--max-age",
        "2",
        "--start-grace",
        "20",
        "--grace",
        "1",
        "--json",
      ];
      const command = [...outside.runtime.command, SUPERVISED, file];
      const supervisor = cli(outside, "supervise", ...options, "--", ...command);
      await supervisor.until(({ events }) => events.some(({ run }) => run === 2), "the second run");
      supervisor.signal("SIGTERM");
      const { stderr } = await supervisor.endsWith(143);
      const told = stderr.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line)] : []));
      const story = told.map(({ event }) => event).join();
      must(
        story === "started,stale,killing,exited,restarting,started,stopping,exited,ended",
        `it said ${story}`,
      );
      const left = told.filter(({ event }) => event === "started").some(({ pid }) => isThere(pid));
      must(!left, "a program was left behind");
    },
  },
];

function isThere(pid) {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
