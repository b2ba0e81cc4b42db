import { setTimeout as sleep } from "node:timers/promises";
import { must, NotApplicable, Unable } from "../outside.mjs";

/** The first report of a freeze on stderr, whole. */
const report = (program) =>
  program.until(({ stderr }) => /\[watchdog\] \w+ was not pinged.*\n/.exec(stderr), "the report");

const warningOf = ({ events }) => events.find(({ event, code }) => event === "warning" && code !== undefined);

/** Fails in the words of the library's own warning, or says that there is none. */
function unable(program, what) {
  const warning = warningOf(program);
  if (warning !== undefined) throw new Unable(`${warning.code}: ${warning.message}`);
  throw new Error(`${what}, and no warning says so`);
}

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
    title: "watchdog: work that hangs is told at once",
    async judge(outside) {
      const program = outside.start("watchdog.mjs", ["not-pinged"]);
      const { kind } = await program.event("timeout");
      must(kind === "not-pinged", `the kind is ${kind}`);
      await program.endsWith(0);
    },
  },
  {
    id: "hot-loop",
    title: "watchdog: the pings of a loop that does nothing else are seen",
    async judge(outside) {
      const program = outside.start("watchdog.mjs", ["hot-loop"]);
      const { timeouts, pings } = await program.event("done");
      must(timeouts === 0 && program.stderr === "", `${timeouts} timeouts: ${program.stderr}`);
      must(pings === 1e9, `${pings} pings were counted`);
      await program.endsWith(0);
    },
  },
  {
    id: "frozen",
    title: "watchdog: a frozen event loop is reported while it is frozen",
    judge: frozen,
  },
  {
    id: "frozen-kind",
    title: "watchdog: JavaScript that does not return is told from a system call",
    async judge(outside) {
      const { kind } = await frozen(outside);
      must(kind === "blocked-js", `a loop is called ${kind}`);
    },
  },
  {
    id: "frozen-stack",
    title: "watchdog: the stack of the frozen thread",
    async judge(outside) {
      const { stack, details } = await frozen(outside);
      if (stack === undefined) throw new Unable(details.noStack ?? "no stack, and nothing says why");
      must(stack.includes("frozenHere"), `the stack is ${stack}`);
    },
  },
  {
    id: "frozen-child",
    title: "watchdog: the child process that a frozen thread waits for",
    async judge(outside) {
      const program = outside.start("watchdog.mjs", ["child-process"]);
      const { kind, details } = await program.event("timeout");
      must(kind === "blocked-native", `waiting for a child is called ${kind}`);
      const children = linux(details.children ?? []);
      must(
        children.some(({ command }) => command.includes("sleep 4")),
        "its command line is not told",
      );
      await program.endsWith(0);
    },
  },
  {
    id: "raise",
    title: "`runSync`: the timeout is thrown into the frozen code",
    async judge(outside) {
      const program = outside.start("watchdog.mjs", ["raise"]);
      const { code, seconds } = await program.event("caught");
      must(code === "ERR_WATCHDOG_TIMEOUT", `the error is ${code}`);
      await program.event("alive");
      await program.endsWith(0);
      if (seconds > 5) unable(program, "it was thrown when the code returned");
    },
  },
  {
    id: "raise-late",
    title: "`runSync`: the timeout is thrown when the code returns, at the latest",
    async judge(outside) {
      const program = outside.start("watchdog.mjs", ["raise"]);
      const { code } = await program.event("caught");
      must(code === "ERR_WATCHDOG_TIMEOUT", `the error is ${code}`);
      await program.endsWith(0);
    },
  },
  {
    id: "raise-ctrl-c",
    title: "`runSync`: a real Ctrl-C ends the code, then its listeners run",
    async judge(outside) {
      const program = outside.start("watchdog.mjs", ["ctrl-c"]);
      await program.event("guarded");
      await sleep(200);
      program.signal("SIGINT");
      await program.event("alive");
      const events = new Set(program.events.map(({ event }) => event));
      must(events.has("SIGINT"), "the listeners of SIGINT did not run");
      await program.endsWith(0);
      if (!events.has("caught")) unable(program, "the code ran to its end");
      must((await program.event("caught")).code === "ERR_WATCHDOG_INTERRUPTED", "the error is another one");
    },
  },
  {
    id: "freeze-exit",
    title: '`onFreeze: "exit"`: exit listeners, exit code 70',
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
    title: "watchdog: a process that was stopped (SIGSTOP) has not timed out",
    async judge(outside) {
      const program = outside.start("watchdog.mjs", ["suspend"]);
      await program.event("ready");
      program.signal("SIGSTOP");
      await sleep(3000);
      program.signal("SIGCONT");
      await sleep(1500);
      program.endInput();
      const { timeouts } = await program.event("done");
      must(timeouts === 0 && program.stderr === "", `${timeouts} timeouts: ${program.stderr}`);
      await program.endsWith(0);
    },
  },
  {
    id: "worker-thread",
    title: "watchdog in a worker thread: its freeze is reported",
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
    id: "permission",
    title: "watchdog under the permission model: detection goes on",
    async judge(outside) {
      await frozen(outside, permissions(outside.runtime));
    },
  },
];
