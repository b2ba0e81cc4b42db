import { spawnSync } from "node:child_process";
import { must, NotApplicable, Unable } from "../outside.mjs";

const NAMESPACE = ["unshare", "--pid", "--fork", "--mount-proc"];

/** Starts a program and sends SIGTERM when it is ready. */
async function terminated(outside, scenario) {
  const program = outside.start("shutdown.mjs", [scenario]);
  await program.event("ready");
  program.signal("SIGTERM");
  return program;
}

async function crashed(outside, scenario, reason) {
  const program = outside.start("shutdown.mjs", [scenario]);
  const { stderr } = await program.endsWith(1);
  const hooks = program.events.filter(({ event }) => event === "hook");
  must(hooks.length === 1, `the callbacks ran ${hooks.length} times`);
  must(reason.includes(hooks[0].reason), `the reason is ${hooks[0].reason}`);
  must(stderr.includes("of the application"), "the error is not printed");
}

/** The process with a callback that blocks the thread, after its end. */
async function blocked(outside) {
  const program = await terminated(outside, "blocked");
  const outcome = await program.end();
  must(outcome.stderr.includes('"database" blocks the thread'), "the callback is not named");
  return outcome;
}

export const shutdown = [
  {
    id: "sigterm",
    title: "shutdown: callbacks in order after SIGTERM, exit code 143",
    async judge(outside) {
      const program = await terminated(outside, "hooks");
      await program.endsWith(143);
      const events = program.events.map(({ event }) => event).join();
      must(events === "ready,first,second", `it said ${events}`);
    },
  },
  {
    id: "second-signal",
    title: "shutdown: a second signal ends at once",
    async judge(outside) {
      const program = await terminated(outside, "slow");
      await program.event("begun");
      program.signal("SIGINT");
      await program.endsWith(130);
    },
  },
  {
    id: "deadline",
    title: "shutdown: the deadline of a callback that never settles",
    async judge(outside) {
      await (await terminated(outside, "never")).endsWith(75);
    },
  },
  {
    id: "deadline-blocked",
    title: "shutdown: a callback that blocks the thread is named and the process ended",
    judge: blocked,
  },
  {
    id: "deadline-code",
    title: "shutdown: … with `forceExitCode` and the place in the code",
    async judge(outside) {
      const { code, stderr } = await blocked(outside);
      if (code !== 75)
        throw new Unable(/\[shutdown\] (.*killing the process)/.exec(stderr)?.[1] ?? `exit code ${code}`);
      must(/stuck at: .*closeDatabase/.test(stderr), "the place is not told");
    },
  },
  {
    id: "uncaught",
    title: "shutdown: `handleUncaught` of an exception",
    judge: (outside) => crashed(outside, "crash", ["uncaughtException"]),
  },
  {
    id: "unhandled",
    title: "shutdown: `handleUncaught` of a rejection",
    judge: (outside) => crashed(outside, "rejection", ["unhandledRejection"]),
  },
  {
    id: "flush",
    title: "shutdown: what was written to a pipe arrives",
    async judge(outside) {
      const program = await terminated(outside, "output");
      const { stdout } = await program.endsWith(143);
      must(stdout.length > 4_000_000 && stdout.endsWith("the end\n"), `${stdout.length} characters arrived`);
    },
  },
  {
    id: "pid-1",
    title: "shutdown: as process 1 of a container",
    async judge(outside) {
      if (spawnSync(NAMESPACE[0], [...NAMESPACE.slice(1), "true"]).status !== 0) {
        throw new NotApplicable("`unshare` of a pid namespace is not allowed here");
      }
      const program = outside.start("shutdown.mjs", ["first"], { through: NAMESPACE });
      const { pid } = await program.event("hook");
      must(pid === 1, `it is process ${pid}`);
      await program.endsWith(143);
    },
  },
];
