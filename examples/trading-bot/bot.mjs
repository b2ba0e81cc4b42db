// @ts-check
// The bot's process: reads the configuration, runs the bot and reports to the parent what it does. main.mjs starts
// it with the exchange's port as its argument, and with the port of its metrics if they are wanted.
import { once } from "node:events";
import fs from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { configure } from "@kstlib/resilience";
import { ConfigError, loadConfig } from "@kstlib/resilience/config";
import { prometheusMetrics } from "@kstlib/resilience/telemetry";
import { TradingBot } from "./trading-bot.mjs";

/** Sends a message to the parent, if there is one. @param {object} message */
function tell(message) {
  if (process.connected) process.send?.({ ...message, at: performance.now() });
}

/** @type {import("@kstlib/resilience").ResilienceConfig} */
let config;
try {
  config = loadConfig({ path: fileURLToPath(new URL("kstlib.conf.yml", import.meta.url)) });
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  // The message names the file, the line and what is allowed there.
  console.error(error.message);
  process.exit(1);
}
configure(config);

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "trading-bot-"));
const stateFile = path.join(folder, "trading-bot.heartbeat");
const { ratio = 0.2, minPerSecond = 10 } = config.retryBudget?.instances?.["exchange"] ?? {};
// The bot checks independently that its retries stay within it.
const budget = { ratio, minPerSecond };
const bot = new TradingBot({ port: Number(process.argv[2]), stateFile, tell, budget });

const [, , , metricsPort] = process.argv;
if (metricsPort !== undefined) {
  const server = http.createServer(prometheusMetrics().handler()).listen(Number(metricsPort), "127.0.0.1");
  await once(server.unref(), "listening");
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());
  tell({ type: "metrics", port: address.port });
}

tell({ type: "started", stateFile });
setInterval(() => tell({ type: "status", ...bot.status() }), 100).unref();
// Windows has no SIGTERM that can be caught; there the parent sends a message.
process.on("message", (message) => {
  if (message === "stop") void bot.shutdown.trigger("told to stop").then(() => process.exit());
});
// A rule of the demo only: without its parent there is no market to trade on.
process.on("disconnect", () => {
  fs.rmSync(folder, { recursive: true, force: true });
  process.exit(1);
});

await bot.run();
