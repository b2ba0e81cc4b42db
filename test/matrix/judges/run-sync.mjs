import { setTimeout as sleep } from "node:timers/promises";
import { must, Unable } from "../outside.mjs";

/** Fails with the text of the library's warning, or reports that there is none. */
function unable({ warning }, what) {
  if (warning !== undefined) throw new Unable(`${warning.code}: ${warning.message}`);
  throw new Error(`${what}, and no warning says so`);
}

export const runSync = [
  {
    id: "raise",
    title: "`runSync` throws into the frozen code",
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
    id: "raise-worker",
    title: "`runSync` ends the frozen code of a worker thread",
    async judge(outside) {
      const program = outside.start("watchdog.mjs", ["raise-in-worker"]);
      const { code, seconds } = await program.event("caught");
      must(code === "ERR_WATCHDOG_TIMEOUT", `the error is ${code}`);
      await program.event("alive");
      must((await program.event("worker over")).code === 0, "the worker failed");
      await program.endsWith(0);
      if (seconds > 5) unable(program, "it was thrown when the code returned");
    },
  },
  {
    id: "raise-ctrl-c",
    title: "`runSync`: Ctrl-C ends the code, then listeners run",
    async judge(outside) {
      const program = outside.start("watchdog.mjs", ["ctrl-c"]);
      await program.event("guarded");
      await sleep(200);
      program.signal("SIGINT");
      await program.event("alive");
      const events = new Set(program.events.map(({ event }) => event));
      must(events.has("SIGINT"), "the listeners of SIGINT did not run");
      await program.endsWith(0);
      if (!events.has("caught"))
        throw new Unable("a Ctrl-C waits until the code returns or its timeout ends it");
      must(
        (await program.event("caught")).code === "ERR_WATCHDOG_INTERRUPTED",
        "the error is a different one",
      );
    },
  },
];
