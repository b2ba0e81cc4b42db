// @ts-check
// npm run demo: a trading bot and an exchange that fails on schedule, two processes, watched from a third.
import { fork } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Heartbeat } from "@kstlib/resilience";
import { schedule } from "./schedule.mjs";
import { Story } from "./story.mjs";
import { judge, table } from "./summary.mjs";
import { Screen, useColours } from "./terminal.mjs";
import { eventLines, frame, statusLines } from "./view.mjs";

const HELP = `npm run demo [-- options]

A trading bot and an exchange that fails on schedule: errors, refused
connections, silence, 429s and a text that freezes the bot's event loop. About a
minute, then SIGTERM, an ordered shutdown and a summary.

  --fast           the same in about 20 seconds
  --keep-running   go through the schedule again and again, until Ctrl-C
  --plain          lines for each event instead of the live view (as without a
                   terminal, with NO_COLOR or CI)
  --help           this text

Ctrl-C asks the bot to shut down in order and shows the summary; a second Ctrl-C
ends everything at once. Exit code: 0 when every promise held, 1 when one did
not, 130 when Ctrl-C came before the end.
`;

/** @typedef {import("node:child_process").ChildProcess} ChildProcess */

const STATUS_EVERY_MS = 2000;
// Longer than the bot's own shutdown timeout: killing it is the last resort.
const STOP_WITHIN_MS = 15_000;
// npm forwards a Ctrl-C that the terminal has already sent to this process: two at once count as one.
const SECOND_SIGNAL_AFTER_MS = 500;

function readArguments() {
  return parseArgs({
    options: {
      fast: { type: "boolean", default: false },
      "keep-running": { type: "boolean", default: false },
      plain: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  }).values;
}

/** @type {ReturnType<typeof readArguments>} */
let options;
try {
  options = readArguments();
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
  process.exit(2);
}
if (options.help) {
  console.log(HELP);
  process.exit(0);
}

const { env, stdout } = process;
const colours = stdout.isTTY && !env["NO_COLOR"] && !env["CI"];
const live = colours && !options.plain && env["TERM"] !== "dumb";
useColours(colours);

/** Prints lines as wide as the terminal, or unbroken without one. @param {(width: number) => string[]} lines */
function print(lines) {
  for (const line of lines(stdout.isTTY ? stdout.columns : Infinity)) console.log(line);
}

/** The path of the bot's heartbeat file, once the bot has sent it. */
let stateFile = "";
const story = new Story(schedule(options.fast), options["keep-running"], (event) => {
  if (!live) print((width) => eventLines(event, width));
});
const screen = new Screen(stdout, (columns, rows) => {
  return frame(story, options["keep-running"] ? "Ctrl-C shuts down" : "Ctrl-C ends early", columns, rows);
});

/** @type {Set<ChildProcess>} */
const children = new Set();

/** @param {string} program @param {string[]} args */
function start(program, args) {
  const child = fork(fileURLToPath(new URL(program, import.meta.url)), args, {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    // In its own process group: Ctrl-C reaches only this process, which then asks the bot to shut down.
    detached: true,
  });
  children.add(child);
  child.once("exit", () => children.delete(child));
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null) createInterface(stream).on("line", (line) => story.fromStderr(line));
  }
  return child;
}

process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  if (stateFile !== "") fs.rmSync(path.dirname(stateFile), { recursive: true, force: true });
});
// The reader of the pipe has closed it.
stdout.on("error", () => process.exit(1));

/** Resolves with the child's message of this type; rejects if the child ends before. @param {ChildProcess} child @param {string} type @returns {Promise<any>} */
function hears(child, type) {
  return new Promise((resolve, reject) => {
    child.on("message", (/** @type {any} */ message) => message.type === type && resolve(message));
    child.once("exit", (code, signal) => reject(new Error(`${child.spawnargs[1]} ended: ${signal ?? code}`)));
  });
}

/** @param {ChildProcess} child @param {() => void} ask */
async function ended(child, ask) {
  if (child.exitCode !== null || child.signalCode !== null) return child.signalCode ?? child.exitCode;
  const exit = once(child, "exit");
  ask();
  const force = setTimeout(() => child.kill("SIGKILL"), STOP_WITHIN_MS);
  const [code, signal] = await exit;
  clearTimeout(force);
  return signal ?? code;
}

const exchange = start("exchange.mjs", process.argv.slice(2));
exchange.on("message", (message) => story.fromExchange(message));
const { port } = await hears(exchange, "listening");
story.tell("exchange", `process ${exchange.pid}, http://127.0.0.1:${port}`);
const bot = start("bot.mjs", [String(port)]);
bot.on("message", (/** @type {any} */ message) => {
  if (message.type === "started") {
    ({ stateFile } = message);
    story.tell("bot", `process ${bot.pid}, heartbeat ${stateFile}`);
  }
  story.fromBot(message);
});

/** @type {Promise<number | undefined>} */
const interrupted = new Promise((resolve) => {
  let first = 0;
  for (const [signal, number] of Object.entries({ SIGINT: 2, SIGTERM: 15, SIGHUP: 1 })) {
    process.on(signal, () => {
      if (first > 0 && performance.now() - first > SECOND_SIGNAL_AFTER_MS) process.exit(128 + number);
      first ||= performance.now();
      resolve(128 + number);
    });
  }
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

function botIsGone() {
  return bot.exitCode !== null || bot.signalCode !== null;
}

async function stop() {
  story.stopping = true;
  if (!botIsGone()) story.tell("shutdown", "SIGTERM to the bot");
  story.exit = await ended(bot, () => {
    // Windows has no SIGTERM that can be caught.
    if (process.platform === "win32") bot.send("stop");
    else bot.kill("SIGTERM");
  });
  story.tell("shutdown", `the bot ended: ${story.exit}`);
  if (stateFile !== "") story.fromMonitor(await Heartbeat.check(stateFile));
  const reported = hears(exchange, "reported");
  exchange.send({ type: "report" });
  await reported;
  await ended(exchange, () => exchange.disconnect());
  // Long enough to be read.
  if (live) await sleep(1500);
}

const interruption = await untilTheEnd();
const cutShort = interruption !== undefined && !options["keep-running"];
if (interruption !== undefined) story.interrupt();
const endedByItself = botIsGone();
await stop();
screen.close();
if (endedByItself && live) {
  for (const event of story.events.slice(-15)) print((width) => eventLines(event, width));
}

const promises = judge(story);
for (const line of table(promises, stdout.isTTY ? stdout.columns : 120)) console.log(line);
const failed = promises.some(
  ({ held }) => held === false || (held === undefined && interruption === undefined),
);
process.exitCode = failed ? 1 : cutShort ? interruption : 0;
// After everything is written; pending handles must not keep the process alive.
stdout.write("", () => process.exit());
