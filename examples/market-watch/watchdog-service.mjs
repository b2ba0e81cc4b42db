// @ts-check
// The other program: watches the first one through its heartbeat's file alone, and says when it is stale, frozen or dead, and
// when it is well again.
//
//   node watchdog-service.mjs <the heartbeat's file> <URL of the webhook>
import { fileURLToPath } from "node:url";
import { configure, GracefulShutdown, Watchdog } from "@kstlib/resilience";
import { loadConfig } from "@kstlib/resilience/config";
import { Alerts } from "./alerts.mjs";
import { tellParent } from "./tell.mjs";

const [file = "", webhook = ""] = process.argv.slice(2);
configure(loadConfig({ path: fileURLToPath(new URL("kstlib.conf.yml", import.meta.url)) }));

const alerts = new Alerts("watchdog-service", webhook, tellParent);
const watchdog = Watchdog.fromStateFile(file, {
  name: "market-watch",
  keepAlive: true,
  onTimeout({ kind, secondsInactive }) {
    tellParent({ type: "unwell", kind, seconds: secondsInactive });
    const level = kind === "stopped" ? "info" : "critical";
    alerts.send(
      level,
      `market-watch-${kind}`,
      `market-watch is ${kind}`,
      `for ${secondsInactive.toFixed(1)} s`,
    );
    unwell = kind;
  },
  onRecover({ secondsTriggered }) {
    tellParent({ type: "well", kind: unwell, seconds: secondsTriggered });
    alerts.resolve(
      `market-watch-${unwell}`,
      "market-watch is alive",
      `again, after ${secondsTriggered.toFixed(1)} s`,
    );
  },
});
let unwell = "";

const shutdown = new GracefulShutdown();
shutdown.register("watchdog", () => watchdog.stop(), { priority: 10 });
shutdown.register("alerts", () => alerts.close(), { priority: 20 });
shutdown.on("complete", ({ report: { reason, ok, seconds } }) => {
  status();
  tellParent({ type: "ended", reason, ok, seconds });
});
shutdown.install();

function status() {
  tellParent({ type: "status", status: watchdog.snapshot().status, alerts: alerts.status() });
}
setInterval(status, 100).unref();
process.on("message", (message) => {
  if (message === "stop") void shutdown.trigger("told to stop").then(() => process.exit());
});
process.on("disconnect", () => process.exit(1));
tellParent({ type: "started" });
