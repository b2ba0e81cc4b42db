import { spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { Limited, must, NotApplicable, Unable } from "../outside.mjs";

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

/** Ends a program that has threads or processes of its own. */
async function led(outside, scenario, count) {
  const program = outside.start("members.mjs", [scenario]);
  const { message } = await program.until(
    ({ events }) => events.find(({ event }) => event === "ready" || event === "unable"),
    '"ready"',
  );
  if (message !== undefined) throw new Unable(message);
  program.signal("SIGTERM");
  const { status, fates } = await program.event("complete");
  await program.endsWith(143);
  const order = program.events
    .map(({ event }) => event)
    .filter((event) => ["buffer", "database"].includes(event));
  must(order.join() === [...Array(count).fill("buffer"), "database"].join(), `it said ${order.join()}`);
  must(status === "done" && fates.every((fate) => fate === "left"), `it is ${status}: ${fates.join()}`);
  const { warning } = program;
  if (warning !== undefined) throw new Limited(`${warning.code}: ${warning.message}`);
}

export const shutdown = [
  {
    id: "sigterm",
    title: "callbacks in order after SIGTERM, then code 143",
    async judge(outside) {
      const program = await terminated(outside, "hooks");
      await program.endsWith(143);
      const events = program.events.map(({ event }) => event).join();
      must(events === "ready,first,second", `it said ${events}`);
    },
  },
  {
    id: "second-signal",
    title: "a second signal ends at once",
    async judge(outside) {
      const program = await terminated(outside, "slow");
      await program.event("begun");
      program.signal("SIGINT");
      await program.endsWith(130);
    },
  },
  {
    id: "signal-copy",
    title: "a copy of the signal, or a later SIGTERM, does not",
    async judge(outside) {
      const program = await terminated(outside, "copied");
      await program.event("begun");
      program.signal("SIGTERM");
      // Later than any copy.
      await sleep(700);
      program.signal("SIGTERM");
      await program.endsWith(143);
      must(
        program.events.some(({ event }) => event === "worked"),
        "the callback was cut off",
      );
    },
  },
  {
    id: "package-copies",
    title: "two copies of the package: the callbacks of both run",
    async judge(outside) {
      const program = await terminated(outside, "copies");
      await program.endsWith(143);
      const events = program.events.map(({ event }) => event).join();
      must(events === "ready,own,other", `it said ${events}`);
    },
  },
  {
    id: "deadline",
    title: "the deadline of a callback that never settles",
    async judge(outside) {
      await (await terminated(outside, "never")).endsWith(75);
    },
  },
  {
    id: "deadline-blocked",
    title: "a callback that blocks the thread is named",
    judge: blocked,
  },
  {
    id: "deadline-code",
    title: "… with `forceExitCode` and the place in the code",
    async judge(outside) {
      const { code, stderr } = await blocked(outside);
      if (code !== 75)
        throw new Unable(/\[shutdown\] (.*killing the process)/.exec(stderr)?.[1] ?? `exit code ${code}`);
      must(/stuck at: .*closeDatabase/.test(stderr), "the place is not reported");
    },
  },
  {
    id: "uncaught",
    title: "`handleUncaught` of an exception",
    judge: (outside) => crashed(outside, "crash", ["uncaughtException"]),
  },
  {
    id: "unhandled",
    title: "`handleUncaught` of a rejection",
    judge: (outside) => crashed(outside, "rejection", ["unhandledRejection"]),
  },
  {
    id: "flush",
    title: "what was written last arrives",
    async judge(outside) {
      const program = await terminated(outside, "output");
      const { stdout } = await program.endsWith(143);
      must(stdout.length > 4_000_000 && stdout.endsWith("the end\n"), `${stdout.length} characters arrived`);
    },
  },
  {
    id: "worker-drain",
    title: "`registerWorker`: its callbacks run first",
    judge: (outside) => led(outside, "thread", 1),
  },
  {
    id: "cluster-drain",
    title: "`registerCluster`: so do those of its workers",
    judge: (outside) => led(outside, "cluster", 2),
  },
  {
    id: "pid-1",
    title: "as process 1 of a container",
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
