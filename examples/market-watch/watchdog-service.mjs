// @ts-check
// The other program: watches the first one through its heartbeat's file alone, and says when it is stale, frozen or dead, and
// when it is well again.
//
//   WATCHDOG_SERVICE_WEBHOOK=<URL> node watchdog-service.mjs <the heartbeat's file>
import { fileURLToPath } from "node:url";
import { configure, GracefulShutdown, Watchdog } from "@kstlib/resilience";
import { loadConfig } from "@kstlib/resilience/config";
import { Alerts } from "./alerts.mjs";
import { tellParent } from "./tell.mjs";

const [file = ""] = process.argv.slice(2);
configure(loadConfig({ path: fileURLToPath(new URL("kstlib.conf.yml", import.meta.url)) }));

const alerts = new Alerts("watchdog-service", tellParent);
/** What the program is, while it is not well; the keys of the alerts. @type {Set<string>} */
const ills = new Set();

/** @param {string} kind @param {string} body */
function unwell(kind, body) {
  if (ills.has(kind)) return;
  ills.add(kind);
  tellParent({ type: "unwell", kind });
  alerts.send({
    level: kind === "stopped" ? "info" : "critical",
    key: kind,
    title: `market-watch is ${kind}`,
    body,
  });
}

const watchdog = Watchdog.fromStateFile(file, {
  name: "market-watch",
  keepAlive: true,
  onTimeout: ({ kind, secondsInactive }) => unwell(kind, `for ${secondsInactive.toFixed(1)} s`),
  onRecover({ secondsTriggered }) {
    tellParent({ type: "well", seconds: secondsTriggered });
    for (const kind of ills) alerts.resolve(kind);
    ills.clear();
  },
});

function status() {
  const { status: now } = watchdog.snapshot();
  // On a busy machine a frozen program may be stale first: it has too little CPU time to be judged by.
  if (ills.size > 0 && now === "frozen") unwell(now, `it was ${[...ills].join(", ")}`);
  tellParent({ type: "status", status: now, alerts: alerts.status() });
}

const shutdown = new GracefulShutdown();
shutdown.register("watchdog", () => watchdog.stop(), { priority: 10 });
shutdown.register("alerts", () => alerts.close(), { priority: 20 });
shutdown.on("complete", ({ report: { reason, ok, seconds } }) => {
  status();
  tellParent({ type: "ended", reason, ok, seconds });
});
shutdown.install();

setInterval(status, 100).unref();
process.on("message", (message) => {
  if (message === "stop") void shutdown.trigger("told to stop").then(() => process.exit());
});
// A rule of the demo only: without its parent there is no program to watch.
process.on("disconnect", () => process.exit(1));
tellParent({ type: "started" });
