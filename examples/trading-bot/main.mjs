// @ts-check
// npm run demo: a trading bot and an exchange that fails on schedule, two processes, watched from a third.
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Heartbeat } from "@kstlib/resilience";
import { OPTIONS, readArguments } from "./arguments.mjs";
import { conclude, isLive, print } from "./output.mjs";
import { ended, hears, interruption, isGone, start, terminate } from "./processes.mjs";
import { schedule } from "./schedule.mjs";
import { Story } from "./story.mjs";
import { judge } from "./summary.mjs";
import { Screen } from "./terminal.mjs";
import { eventLines, frame, statusLines } from "./view.mjs";

const HELP = `npm run demo [-- options]

A trading bot and an exchange that fails on schedule: errors, refused
connections, silence, 429s and a text that freezes the bot's event loop. About a
minute, then SIGTERM, an ordered shutdown and a summary.

  --fast           the same in about 20 seconds
  --keep-running   go through the schedule again and again, until Ctrl-C
  --plain          lines for each event instead of the live view (as without a
                   terminal, with NO_COLOR or CI)
  --metrics PORT   the bot serves its metrics for Prometheus on this port of
                   127.0.0.1; 0: on a free one
  --help           this text

  --instances 3 --redis   another demo: three bots that share one limit and one
                          circuit through Redis; with --help it tells more

Ctrl-C asks the bot to shut down in order and shows the summary; a second Ctrl-C
ends everything at once. Exit code: 0 when every promise held, 1 when one did
not, 130 when Ctrl-C came before the end.
`;

const STATUS_EVERY_MS = 2000;

const options = readArguments(HELP, () => {
  const { values } = parseArgs({ options: { ...OPTIONS, metrics: { type: "string" } } });
  const { metrics } = values;
  if (metrics !== undefined && !(/^\d+$/.test(metrics) && Number(metrics) < 65_536)) {
    throw new RangeError(`--metrics must be a port from 0 to 65535; got ${metrics}.`);
  }
  return values;
});

const live = isLive(options.plain);

/** The path of the bot's heartbeat file, once the bot has sent it. */
let stateFile = "";
const story = new Story(schedule(options.fast), options["keep-running"], (event) => {
  if (!live) print((width) => eventLines(event, width));
});
const screen = new Screen(process.stdout, (columns, rows) => {
  return frame(story, options["keep-running"] ? "Ctrl-C shuts down" : "Ctrl-C ends early", columns, rows);
});

/** @param {string} program @param {string[]} args */
function run(program, args) {
  return start(new URL(program, import.meta.url), args, (line) => story.fromStderr(line));
}

process.on("exit", () => {
  if (stateFile !== "") fs.rmSync(path.dirname(stateFile), { recursive: true, force: true });
});

const interrupted = interruption();
const exchange = run("exchange.mjs", process.argv.slice(2));
exchange.on("message", (message) => story.fromExchange(message));
const { port } = await hears(exchange, "listening");
story.tell("exchange", `process ${exchange.pid}, http://127.0.0.1:${port}`);
const bot = run("bot.mjs", [String(port), ...(options.metrics === undefined ? [] : [options.metrics])]);
bot.on("message", (/** @type {any} */ message) => {
  if (message.type === "metrics") {
    story.tell("bot", `metrics at http://127.0.0.1:${message.port}/metrics`);
    return;
  }
  if (message.type === "started") {
    ({ stateFile } = message);
    story.tell("bot", `process ${bot.pid}, heartbeat ${stateFile}`);
  }
  story.fromBot(message);
});

async function monitor() {
  for (;;) {
    story.fromMonitor(await Heartbeat.check(stateFile));
    await sleep(100, undefined, { ref: false });
  }
}

async function play() {
  await hears(bot, "status");
  story.begin();
  void monitor();
  if (live) {
    screen.open();
    setInterval(() => screen.draw(), 100).unref();
  } else {
    setInterval(() => print((width) => statusLines(story, width)), STATUS_EVERY_MS).unref();
  }
  exchange.send({ type: "begin" });
  await hears(exchange, "finished");
}

/** @returns {Promise<number | undefined>} the exit code of an interruption, when that is what ended it */
async function untilTheEnd() {
  const died = once(bot, "exit").then(() => undefined);
  return Promise.race([play().then(() => undefined), interrupted, died]);
}

async function stop() {
  story.stopping = true;
  if (!isGone(bot)) story.tell("shutdown", "SIGTERM to the bot");
  story.exit = await ended(bot, () => terminate(bot));
  story.tell("shutdown", `the bot ended: ${story.exit}`);
  if (stateFile !== "") story.fromMonitor(await Heartbeat.check(stateFile));
  const reported = hears(exchange, "reported");
  exchange.send({ type: "report" });
  await reported;
  await ended(exchange, () => exchange.disconnect());
  // Long enough to be read.
  if (live) await sleep(1500);
}

const cutShortBy = await untilTheEnd();
if (cutShortBy !== undefined) story.interrupt();
const endedByItself = isGone(bot);
await stop();
screen.close();
if (endedByItself && live) {
  for (const event of story.events.slice(-15)) print((width) => eventLines(event, width));
}

conclude(judge(story), cutShortBy, options["keep-running"]);
