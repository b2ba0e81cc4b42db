// @ts-check
// The exchange of the fleet: answers over HTTP on loopback, fails on schedule, and writes down every request. A process
// of its own, started by main.mjs, to which it reports. It does not use the library.
import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { schedule } from "./schedule.mjs";
import { now } from "./settings.mjs";

const phases = schedule(process.argv.includes("--fast"));
const keepRunning = process.argv.includes("--keep-running");
let { fault } = phases[0];

/**
 * A request as the exchange saw it. `asked`, `granted` and `sent` are the bot's own times: of asking for the token, of
 * having it, and of sending.
 *
 * @typedef {{ bot: string, asked: number, granted: number, sent: number, arrived: number, ended: number, status: number }} Request
 */
/** Those that ended and were not reported yet. @type {Request[]} */
let requests = [];

/** @param {object} message */
function tell(message) {
  if (process.connected) process.send?.(message);
}

/** @param {http.ServerResponse} response @returns {Promise<number>} the status; 0 when there is no answer */
async function answer(response) {
  if (fault === "hang") return 0;
  const status = fault === "errors" ? 500 : 200;
  // A failing exchange is slow, too: time enough for two probes to meet.
  await sleep(status === 500 ? 30 + Math.random() * 60 : 3 + Math.random() * 9);
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(status === 200 ? { price: 64_000 + Math.random() } : { error: "down" }));
  return status;
}

const server = http.createServer((request, response) => {
  const arrived = now();
  const [bot = "", asked, granted, sent] = String(request.headers["x-call"]).split(" ");
  let status = 0;
  // Sent, or given up by the bot.
  response.once("close", () => {
    const times = {
      asked: Number(asked),
      granted: Number(granted),
      sent: Number(sent),
      arrived,
      ended: now(),
    };
    requests.push({ bot, ...times, status });
  });
  void answer(response).then((answered) => (status = answered));
});
// Connections of the bots may be idle.
server.keepAliveTimeout = 60_000;

function report() {
  if (requests.length > 0) tell({ type: "requests", requests });
  requests = [];
}

async function runSchedule() {
  for (let cycle = 1; ; cycle++) {
    for (const [index, phase] of phases.entries()) {
      ({ fault } = phase);
      tell({ type: "phase", index, cycle, at: now() });
      await sleep(phase.seconds * 1000);
    }
    if (!keepRunning) break;
  }
  tell({ type: "finished" });
}

// Without its parent the exchange ends.
process.on("disconnect", () => process.exit());
process.on("message", (/** @type {{ type: string }} */ message) => {
  if (message.type === "begin") void runSchedule();
  if (message.type === "report") {
    report();
    tell({ type: "reported" });
  }
});
setInterval(report, 100).unref();
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address !== null && typeof address === "object") tell({ type: "listening", port: address.port });
});
