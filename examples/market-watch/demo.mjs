// @ts-check
// npm run demo:market: the program and its watchdog service, an exchange that fails on schedule, and a webhook for alerts,
// watched from here.
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { conclude, isLive, print } from "../trading-bot/output.mjs";
import { ended, hears, interruption, isGone, start, terminate } from "../trading-bot/processes.mjs";
import { Screen } from "../trading-bot/terminal.mjs";
import { eventLines } from "../trading-bot/view.mjs";
import { options } from "./arguments.mjs";
import { readCandles } from "./candle-store.mjs";
import { schedule } from "./schedule.mjs";
import { HANDOVER_EARLY_MS } from "./settings.mjs";
import { MarketStory } from "./story.mjs";
import { judge } from "./summary.mjs";
import { frame, statusLines } from "./view.mjs";
import { Webhook } from "./webhook.mjs";

/** @typedef {import("node:child_process").ChildProcess} ChildProcess */

const STATUS_EVERY_MS = 2000;
const MINUTE_MS = 60_000;
/** How long a phase is prolonged at most, until what it shows has been seen. */
const PATIENCE_MS = 15_000;

const live = isLive(options.plain);

const phases = schedule(options.fast);
const story = new MarketStory(phases, options["keep-running"], (event) => {
  if (!live) print((width) => eventLines(event, width));
});
const screen = new Screen(process.stdout, (columns, rows) => {
  return frame(story, options["keep-running"] ? "Ctrl-C shuts down" : "Ctrl-C ends early", columns, rows);
});
const interrupted = interruption();

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "market-watch-"));
process.on("exit", () => fs.rmSync(folder, { recursive: true, force: true }));

/** @param {string} name @param {string} program @param {string[]} args */
function run(name, program, args) {
  const child = start(new URL(program, import.meta.url), args, (line) => story.fromOutput(name, line));
  story.tell(name, `process ${child.pid}${name === "program" ? `, folder ${folder}` : ""}`);
  return child;
}

const webhook = new Webhook((alert) => story.fromWebhook(alert));
// Each program finds its own in the environment, by the name that the configuration has.
const hook = await webhook.listen();
process.env["MARKET_WATCH_WEBHOOK"] = `${hook}/market-watch`;
process.env["WATCHDOG_SERVICE_WEBHOOK"] = `${hook}/watchdog-service`;

/** When the exchange will close its connections next, by its announcement. */
let maintenance = 0;
const untilFirst = HANDOVER_EARLY_MS + (phases[0]?.seconds ?? 0) * 1000;
const exchange = run("exchange", "exchange.mjs", [String(untilFirst)]);
exchange.on("message", (/** @type {any} */ message) => {
  if (message.type === "maintenance") maintenance = message.at;
  story.fromExchange(message);
});
const { port } = await hears(exchange, "listening");
const url = `http://127.0.0.1:${port}`;

function startMain() {
  const child = run("program", "main.mjs", [url, folder]);
  child.on("message", (message) => story.fromMain(message));
  return child;
}
let main = startMain();
await hears(main, "connect");

const service = run("service", "watchdog-service.mjs", [path.join(folder, "market-watch.heartbeat")]);
service.on("message", (message) => story.fromService(message));

/** What happens to the program itself in a phase. */
async function harm() {
  if (story.fault === "stopped") main.kill("SIGSTOP");
  if (story.fault === "killed") {
    main.kill("SIGKILL");
    // Not "exit": what it has told before may not have been read yet.
    await once(main, "disconnect");
    story.killed();
  }
}

async function heal() {
  if (story.fault === "stopped") main.kill("SIGCONT");
  if (story.fault === "killed" && !story.stopping) main = startMain();
}

/** Seconds until the next planned reconnect begins. */
function untilHandover() {
  const next = maintenance - HANDOVER_EARLY_MS - Date.now();
  return Math.max(0, next > 0 ? next : next + MINUTE_MS * Math.ceil(-next / MINUTE_MS)) / 1000;
}

/** @param {() => boolean} condition @returns {Promise<boolean>} whether it came true in time */
async function until(condition) {
  const latest = performance.now() + PATIENCE_MS;
  while (!condition() && performance.now() < latest) await sleep(20);
  return condition();
}

/** @param {number} cycle */
async function playOnce(cycle) {
  for (const [index, phase] of phases.entries()) {
    if (index === 0) phase.seconds = Math.max(0, untilHandover() - 0.2);
    story.enter(index, cycle);
    const stopped = phase.fault === "stopped" ? main.pid : undefined;
    exchange.send({ type: "phase", fault: phase.fault, stopped });
    await harm();
    await sleep(phase.seconds * 1000);
    await until(() => story.isSeen || story.stopping);
    if (story.isSeen) story.complete();
    if (story.stopping) return;
    await heal();
  }
}

async function play() {
  await hears(service, "started");
  await until(() => story.isCalm);
  story.begin();
  if (live) {
    screen.open();
    setInterval(() => screen.draw(), 100).unref();
  } else {
    setInterval(() => print((width) => statusLines(story, width)), STATUS_EVERY_MS).unref();
  }
  for (let cycle = 1; cycle === 1 || (story.again && !story.stopping); cycle++) await playOnce(cycle);
}

/** No more faults, then no more candles; then whatever is still on its way arrives. */
async function closeMarket() {
  exchange.send({ type: "phase", fault: "none" });
  // A gap is found by the candle behind it.
  await until(() => isGone(main) || story.isCalm);
  const closed = hears(exchange, "closed");
  exchange.send({ type: "close the market" });
  await closed;
  await until(() => isGone(main) || story.isCaughtUp);
  story.connectedAtTheEnd = story.main?.stream.state === "connected";
}

/** @param {string} name @param {ChildProcess} child */
async function endProgram(name, child) {
  if (!isGone(child)) story.tell("shutdown", `SIGTERM to ${name}`);
  story.ended(name, await ended(child, () => terminate(child)));
}

async function stop() {
  story.stopping = true;
  // What is stopped or gone cannot end in order.
  await heal();
  if (isGone(main) && story.main === undefined) main = startMain();
  if (!isGone(exchange)) await closeMarket();
  await endProgram("market-watch", main);
  await until(() => isGone(service) || story.service?.status === "stopped");
  await endProgram("watchdog-service", service);
  if (!isGone(exchange)) {
    const reported = hears(exchange, "reported");
    exchange.send({ type: "report" });
    await reported;
    await ended(exchange, () => exchange.disconnect());
  }
  webhook.close();
  // Long enough to be read.
  if (live) await sleep(1500);
}

const played = play().catch((error) => {
  if (!story.stopping) story.tell("demo", error.message, "bad");
});
const cutShortBy = await Promise.race([played.then(() => undefined), interrupted]);
if (cutShortBy !== undefined) story.interrupted = true;
await stop();
screen.close();

const file = path.join(folder, "candles.jsonl");
const stored = fs.existsSync(file) ? readCandles(file) : [];
conclude(judge(story, stored, webhook.counts), cutShortBy, options["keep-running"]);
