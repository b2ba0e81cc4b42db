import fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { attach } from "../../fixtures/web-socket.mjs";
import { must, NotApplicable, Unable } from "../outside.mjs";

/** The report of a freeze on stderr. */
const REPORT = /\[watchdog\] \w+ was not pinged.*\n/;

/** The first complete report of a freeze on stderr. */
const report = (program) => program.until(({ stderr }) => REPORT.exec(stderr), "the report");

const linux = (facts) => {
  if (process.platform !== "linux") throw new NotApplicable("only Linux tells it");
  return facts;
};

async function frozen(outside, options) {
  const program = outside.start("watchdog.mjs", ["freeze"], options);
  await program.event("freezing");
  await report(program);
  must(!program.events.some(({ event }) => event === "back"), "the report came after the freeze");
  must((await program.event("back")).triggered, "the freeze was not found");
  const info = await program.event("timeout");
  must(info.secondsInactive >= 1, `the timeout came after ${info.secondsInactive} s`);
  await program.endsWith(0);
  return info;
}

/** How many threads the system sees in a program. */
const threadsOf = ({ pid }) => linux(fs.readdirSync(`/proc/${pid}/task`)).length;

/** What Node and Deno, or Bun, must receive before they stop at a `debugger` statement. */
const DEBUGGER = [
  ["Runtime.enable"],
  ["Inspector.enable"],
  ["Debugger.enable"],
  ["Debugger.setBreakpointsActive", { active: true }],
  ["Debugger.setPauseOnDebuggerStatements", { enabled: true }],
  ["Inspector.initialized"],
];

async function heldAtBreakpoint(program, session, pauses) {
  for (const [method, params] of DEBUGGER) session.send(method, params);
  await sleep(500);
  program.tell();
  await program.until(() => pauses.length > 0, "the pause");
  await sleep(3000);
  session.send("Debugger.resume");
  const { timeouts } = await program.event("calm");
  must(timeouts === 0, "a thread at a breakpoint is reported as frozen");
  must((await program.event("timeout")).kind === "blocked-js", "a real freeze after that is not found");
}

/** The flags of a runtime's permission model that let a program read files and start threads. */
function permissions({ family, version, binary }) {
  if (family === "bun") throw new NotApplicable("there is no permission model");
  if (family === "deno")
    return { command: [binary, "run", "--quiet", "--no-prompt", "--allow-read", "--allow-env"] };
  const flag = Number(version.split(".")[0]) >= 22 ? "--permission" : "--experimental-permission";
  return { flags: [flag, "--allow-fs-read=*", "--allow-worker"] };
}

export const watchdog = [
  {
    id: "not-pinged",
    title: "work that hangs is reported",
    async judge(outside) {
      const program = outside.start("watchdog.mjs", ["not-pinged"]);
      const { kind } = await program.event("timeout");
      must(kind === "not-pinged", `the kind is ${kind}`);
      await program.endsWith(0);
    },
  },
  {
    id: "hot-loop",
    title: "pings of a loop that does nothing else count",
    async judge(outside) {
      const program = outside.start("watchdog.mjs", ["hot-loop"]);
      const { timeouts, pings } = await program.event("done");
      must(timeouts === 0 && program.stderr === "", `${timeouts} timeouts: ${program.stderr}`);
      must(pings === 5e8, `${pings} pings were counted`);
      await program.endsWith(0);
    },
  },
  {
    id: "frozen",
    title: "a frozen thread is reported while it is frozen",
    judge: frozen,
  },
  {
    id: "frozen-kind",
    title: "… with its kind: JavaScript or a system call",
    async judge(outside) {
      const { kind } = await frozen(outside);
      must(kind === "blocked-js", `a loop is called ${kind}`);
    },
  },
  {
    id: "frozen-stack",
    title: "… with its stack",
    async judge(outside) {
      const { stack, details } = await frozen(outside);
      if (stack === undefined) throw new Unable(details.noStack ?? "no stack, and nothing says why");
      must(stack.includes("frozenHere"), `the stack is ${stack}`);
    },
  },
  {
    id: "frozen-child",
    title: "… with the child process that it waits for",
    async judge(outside) {
      const program = outside.start("watchdog.mjs", ["child-process"]);
      const { kind, details } = await program.event("timeout");
      must(kind === "blocked-native", `waiting for a child is called ${kind}`);
      const children = linux(details.children ?? []);
      must(
        children.some(({ command }) => command.includes("sleep 4")),
        "its command line is not reported",
      );
      await program.endsWith(0);
    },
  },
  {
    id: "frozen-heartbeat",
    title: "… in the heartbeat's file: `frozen`",
    async judge(outside) {
      const file = outside.file("beat");
      const program = outside.start("watchdog.mjs", ["told", file]);
      await program.event("freezing");
      const status = () => JSON.parse(fs.readFileSync(file, "utf8")).status;
      await program.until(() => status() === "frozen", '"frozen" in the file');
      must(!program.events.some(({ event }) => event === "back"), "it came after the freeze");
      await program.until(() => status() === "running", '"running", when the thread is back,');
      program.endInput();
      await program.endsWith(0);
    },
  },
  {
    id: "report-directory",
    title: "… in a file of `reportDirectory`",
    async judge(outside) {
      const folder = outside.file("reports");
      const program = outside.start("watchdog.mjs", ["told", outside.file("beat"), folder]);
      const written = () =>
        fs.existsSync(folder) && fs.readdirSync(folder).find((name) => name.endsWith(".json"));
      const name = await program.until(written, "the file");
      must(!program.events.some(({ event }) => event === "back"), "it came after the freeze");
      const { name: reported, kind, pid } = JSON.parse(fs.readFileSync(`${folder}/${name}`, "utf8"));
      must(
        reported === "feed" && kind === "blocked-js" && pid === program.pid,
        `it says ${reported} ${kind} ${pid}`,
      );
      program.endInput();
      await program.endsWith(0);
    },
  },
  {
    id: "freeze-exit",
    title: '`onFreeze: "exit"` runs the exit listeners',
    async judge(outside) {
      const program = outside.start("watchdog.mjs", ["exit"]);
      const { code, signal, stderr } = await program.end();
      if (signal === "SIGKILL") {
        throw new Unable(/killing the process: .*/.exec(stderr)?.[0] ?? "killed, and nothing says why");
      }
      must(code === 70, `it ended with ${signal ?? code}`);
      must(
        program.events.some(({ event, code: told }) => event === "exit" && told === 70),
        "the exit listeners did not run",
      );
    },
  },
  {
    id: "freeze-kill",
    title: '`onFreeze: "kill"`',
    async judge(outside) {
      await outside.start("watchdog.mjs", ["kill"]).endsWith("SIGKILL");
    },
  },
  {
    id: "suspended",
    title: "a stopped process (SIGSTOP) has not timed out",
    async judge(outside) {
      const program = outside.start("watchdog.mjs", ["suspend"]);
      await program.event("ready");
      program.signal("SIGSTOP");
      await sleep(3000);
      program.signal("SIGCONT");
      await sleep(1500);
      program.endInput();
      const { timeouts } = await program.event("done");
      must(timeouts === 0 && !REPORT.test(program.stderr), `${timeouts} timeouts: ${program.stderr}`);
      const told = program.warning?.code;
      must(told === "KSTLIB_WATCHDOG_NOT_COUNTED", `the warning is ${told}`);
      await program.endsWith(0);
    },
  },
  {
    id: "worker-thread",
    title: "a frozen worker thread is reported",
    async judge(outside) {
      const program = outside.start("watchdog.mjs", ["worker-thread"]);
      await report(program);
      const { kind } = await program.event("timeout");
      must(kind === "blocked-js", `a loop is called ${kind}`);
      must((await program.event("worker over")).code === 0, "the worker failed");
      await program.endsWith(0);
    },
  },
  {
    id: "monitor-joined",
    title: "worker threads share one monitor thread",
    async judge(outside) {
      const program = outside.start("watchdog.mjs", ["monitor-joined"]);
      await program.event("up");
      const before = threadsOf(program);
      program.tell();
      await program.event("freezing");
      await report(program);
      const more = threadsOf(program) - before;
      must(!program.events.some(({ event }) => event === "back"), "the report came after the freeze");
      must((await program.event("worker over")).code === 0, "the worker failed");
      must((await program.event("main")).timeouts === 0, "the main thread is called frozen, too");
      program.endInput();
      await program.endsWith(0);
      if (more > 0) throw new Unable("each worker thread starts a monitor of its own");
    },
  },
  {
    id: "breakpoint",
    title: "a thread at a breakpoint is not called frozen",
    async judge(outside) {
      const { family, command } = outside.runtime;
      const program = outside.start("watchdog.mjs", ["breakpoint"], {
        // With --quiet, Deno does not print where it listens.
        command: command.filter((word) => word !== "--quiet"),
        flags: [family === "node" ? "--inspect=0" : "--inspect=127.0.0.1:0"],
      });
      const [url] = await program.until(({ stderr }) => /ws:\/\/\S+/.exec(stderr), "the inspector");
      await program.event("ready");
      const pauses = [];
      const session = await attach(url, ({ method }) => {
        if (method === "Debugger.paused") pauses.push(method);
      });
      try {
        await heldAtBreakpoint(program, session, pauses);
      } finally {
        session.end();
      }
      program.endInput();
      await program.endsWith(0);
    },
  },
  {
    id: "permission",
    title: "detection under the permission model",
    async judge(outside) {
      await frozen(outside, permissions(outside.runtime));
    },
  },
];
