// What a ping costs, and what the monitor thread takes while nothing happens.
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { Watchdog } from "@kstlib/resilience";
import { measure, quick, ratio, report } from "../measure.mjs";

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

/** CPU time of all threads of this process in percent of one core, with an idle event loop. */
async function idle(seconds) {
  await sleep(500);
  const start = performance.now();
  const before = process.cpuUsage();
  await sleep(seconds * 1000);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / (performance.now() - start) / 0.01;
}

const watched = await idle(quick ? 2 : 10);
watchdog.stop();
const alone = await idle(quick ? 1 : 3);
report([
  {
    id: "ping",
    label: "ping() / performance.now()",
    value: ratio(times.ping, times.now),
    unit: "x",
    max: 0.3,
  },
  { id: "idle", label: "monitor's CPU, idle", value: Math.max(0, watched - alone), unit: "%", max: 0.1 },
]);
process.exit(0);
