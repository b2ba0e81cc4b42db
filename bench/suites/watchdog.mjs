// The cost of a ping, and of the guard of a synchronous run.
import { performance } from "node:perf_hooks";
import { Watchdog, watchdogContext } from "@kstlib/resilience";
import { measure, median, ratio, report } from "../measure.mjs";

const watchdog = new Watchdog({ name: "bench", timeout: 3600 });
watchdog.start();

const times = await measure({
  now(n) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += performance.now();
    return sum;
  },
  ping(n) {
    for (let i = 0; i < n; i++) watchdog.ping();
    return n;
  },
});

const runner = (raiseOnTimeout) => {
  const context = watchdogContext({ name: "bench", timeout: 30, raiseOnTimeout });
  return (n) => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += context.runSync(() => 1);
    return sum;
  };
};
// The running watchdog keeps the monitor thread alive, so that a run does not include its start.
const runs = await measure({ guarded: runner(true), reported: runner(false) }, { size: 200 });
watchdog.stop();

report([
  {
    id: "ping",
    label: "ping() / performance.now()",
    value: ratio(times.ping, times.now),
    unit: "x",
    max: 0.3,
  },
  { id: "run", label: "runSync, a call", value: median(runs.reported) / 1000, unit: "µs" },
  {
    id: "guard",
    label: "what raiseOnTimeout adds to it",
    value: (median(runs.guarded) - median(runs.reported)) / 1000,
    unit: "µs",
  },
]);
process.exit(0);
