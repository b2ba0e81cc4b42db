// lightship: probes on a port of their own, work that delays the end, and handlers in order.
import { once } from "node:events";
import { createLightship } from "lightship";

const lightship = await createLightship({ detectKubernetes: false, port: 0, shutdownDelay: 3000 });
lightship.registerShutdownHandler(() => console.log("consumer stopped"));
lightship.registerShutdownHandler(() => console.log("database closed"));
const { port } = lightship.server.address();

async function probe(when) {
  const statuses = [];
  for (const path of ["/live", "/ready"]) {
    const { ok } = await fetch(`http://127.0.0.1:${port}${path}`);
    statuses.push(ok);
  }
  console.log(`${when}:`, ...statuses);
}

await probe("starting");
lightship.signalReady();
await probe("ready");

const job = lightship.createBeacon();
process.kill(process.pid, "SIGTERM");
await once(process, "SIGTERM");
const { ok } = await fetch(`http://127.0.0.1:${port}/ready`);
console.log("draining:", ok);
console.log("job done");
await job.die();
