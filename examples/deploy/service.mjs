// A small service for production: the same program under Kubernetes, Docker, systemd and pm2, configured by its
// environment. It serves on PORT, answers probes on HEALTH_PORT and writes its heartbeat to STATE_FILE.
import "@kstlib/resilience/auto"; // reads kstlib.conf.yml
import { once } from "node:events";
import http from "node:http";
import { CircuitBreaker, GracefulShutdown, Health, Heartbeat, Watchdog } from "@kstlib/resilience";

const { PORT = "8080", HEALTH_PORT, NODE_APP_INSTANCE = "0" } = process.env;
const { STATE_FILE = `state/service-${NODE_APP_INSTANCE}.heartbeat` } = process.env;

// First, so that a signal during start-up is not lost.
const shutdown = new GracefulShutdown();
shutdown.install();
shutdown.on("callback", ({ result }) => console.log(`shutdown: ${result.name} ${result.status}`));
shutdown.on("complete", ({ report }) =>
  console.log(
    `shutdown: ${report.reason}, ${report.ok ? "complete" : "incomplete"}, ${report.seconds.toFixed(1)} s`,
  ),
);

const heartbeat = new Heartbeat({ stateFile: STATE_FILE, systemd: true, drainOn: shutdown.signal });
heartbeat.start({ ready: false });
shutdown.register("heartbeat", () => heartbeat.stop(), { priority: 1000 });

// Pinged by the loop it watches. If that freezes, it is reported on stderr, the process ends with 70, and the supervisor restarts it.
const watchdog = new Watchdog({ name: "event loop", heartbeat });
watchdog.start();
const pinging = setInterval(() => watchdog.ping(), 1000).unref();

const health = new Health({ drainOn: shutdown.signal });
if (HEALTH_PORT !== undefined) {
  const probes = http.createServer(health.handler()).listen(Number(HEALTH_PORT));
  // Answers until the end: after everything else but the heartbeat.
  shutdown.registerServer("health", probes, { priority: 900 });
  await once(probes, "listening");
  console.log(`health on ${probes.address().port}`);
}

// What the service needs. Not ready while it is down; no reason to restart the service.
const database = new CircuitBreaker({ name: "database" });
health.addCheck("database", database);
const warmUp = database.call(async () => "connected"); // your connection
health.addCheck("warm-up", warmUp, { for: "startup" });
shutdown.register("database", () => console.log("connection closed"), { priority: 200 });
await warmUp;

const server = http.createServer((_request, response) => response.end("hello\n"));
shutdown.registerServer("http", server, { priority: 100 });
server.listen(Number(PORT));
await once(server, "listening");

heartbeat.ready();
process.send?.("ready"); // pm2 with wait_ready
console.log(`listening on ${server.address().port}`);

// It also watches the drain.
shutdown.register(
  "watchdog",
  () => {
    clearInterval(pinging);
    watchdog.stop();
  },
  { priority: 950 },
);
