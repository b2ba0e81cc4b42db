// The same with this package.
import { EventEmitter, once } from "node:events";
import http from "node:http";
import { GracefulShutdown, Health } from "@kstlib/resilience";

const exit = (code) => process.exit(code === 143 ? 0 : code); // lightship ends with 0 after SIGTERM
const shutdown = new GracefulShutdown({ timeout: 38, preStopDelay: 3, exit });
const health = new Health({ drainOn: shutdown.signal });
const server = http.createServer(health.handler()).listen(0, "127.0.0.1");
shutdown.registerServer("probes", server, { priority: 1000 }); // closed last
shutdown.register("consumer", () => console.log("consumer stopped"), { priority: 20 });
shutdown.register("database", () => console.log("database closed"), { priority: 30 });
shutdown.install();
await once(server, "listening");
const { port } = server.address();

async function probe(when) {
  const statuses = [];
  for (const path of ["/livez", "/readyz"]) {
    const { ok } = await fetch(`http://127.0.0.1:${port}${path}`);
    statuses.push(ok);
  }
  console.log(`${when}:`, ...statuses);
}

const app = new EventEmitter();
health.addCheck("start", once(app, "ready"), { for: "startup" });
await probe("starting");
app.emit("ready");
await probe("ready");

const job = once(app, "job done");
shutdown.register("job", () => job, { priority: 10 });
process.kill(process.pid, "SIGTERM");
await once(process, "SIGTERM");
const { ok } = await fetch(`http://127.0.0.1:${port}/readyz`);
console.log("draining:", ok);
console.log("job done");
app.emit("job done");
