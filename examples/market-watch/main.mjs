// @ts-check
// The program's process: reads the configuration, asks the exchange when it closes its connections, and runs. Under the
// demo it reports what it does to its parent; without one it says so in lines.
//
//   MARKET_WATCH_WEBHOOK=<URL> node main.mjs <URL of the exchange> <folder>
import fs from "node:fs";
import { fileURLToPath } from "node:url";
import { configure } from "@kstlib/resilience";
import { loadConfig } from "@kstlib/resilience/config";
import { MarketWatch } from "./market-watch.mjs";
import { tellParent } from "./tell.mjs";

const [exchange = "", folder = ""] = process.argv.slice(2);
configure(loadConfig({ path: fileURLToPath(new URL("kstlib.conf.yml", import.meta.url)) }));

const response = await fetch(`${exchange}/info`);
const { maintenance } = /** @type {import("./market-watch.mjs").Info} */ (await response.json());
const watch = new MarketWatch({ exchange, folder, maintenance, tell: tellParent });

setInterval(() => tellParent({ type: "status", ...watch.status() }), 100).unref();
// Windows has no SIGTERM that can be caught; there the parent sends a message.
process.on("message", (message) => {
  if (message === "stop") void watch.shutdown.trigger("told to stop").then(() => process.exit());
});
// The reader of the pipe may have gone; "disconnect" says so as well.
process.stderr.on("error", () => {});
// A rule of the demo only: without its parent there is no market to watch.
process.on("disconnect", () => {
  // Again if a beat was being written meanwhile.
  fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.exit(1);
});

await watch.run();
