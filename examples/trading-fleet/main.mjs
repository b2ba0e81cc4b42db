// @ts-check
// npm run demo -- --instances 3 --redis: bots that share a limit and a circuit through Redis, and an exchange that fails on
// schedule, each a process, watched from one more.
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { HeartbeatRegistry } from "@kstlib/resilience/redis";
import { createClient } from "redis";
import { startServer } from "../../scripts/redis/server.mjs";
import { conclude, isLive, print } from "../trading-bot/output.mjs";
import { ended, hears, interruption, isGone, start, terminate } from "../trading-bot/processes.mjs";
import { Screen } from "../trading-bot/terminal.mjs";
import { eventLines } from "../trading-bot/view.mjs";
import { options } from "./arguments.mjs";
import { ensureRedis } from "./ensure-redis.mjs";
import { schedule } from "./schedule.mjs";
import { SERVICE } from "./settings.mjs";
import { FleetStory } from "./story.mjs";
import { judge } from "./summary.mjs";
import { frame, statusLines } from "./view.mjs";

const STATUS_EVERY_MS = 2000;

ensureRedis();

const live = isLive(options.plain);

const names = Array.from({ length: options.bots }, (_, index) => `bot-${index + 1}`);
const story = new FleetStory(schedule(options.fast), options["keep-running"], names, (event) => {
  if (!live) print((width) => eventLines(event, width));
});
const screen = new Screen(process.stdout, (columns, rows) => {
  return frame(story, options["keep-running"] ? "Ctrl-C shuts down" : "Ctrl-C ends early", columns, rows);
});
const interrupted = interruption();

const redis = await startServer();
story.tell("redis", `process ${redis.pid}, ${redis.url}, folder ${redis.folder}`);

/** @param {string} name @param {string} program @param {string[]} args */
function run(name, program, args) {
  return start(new URL(program, import.meta.url), args, (line) => story.tell(name, line, "warn"));
}

const exchange = run("exchange", "exchange.mjs", process.argv.slice(2));
exchange.on("message", (/** @type {any} */ message) => {
  story.fromExchange(message);
  if (message.type !== "phase") return;
  if (story.fault === "stopped") redis.freeze();
  else redis.thaw();
});
const { port } = await hears(exchange, "listening");
story.tell("exchange", `process ${exchange.pid}, http://127.0.0.1:${port}`);

const client = createClient({ url: redis.url });
// It connects again by itself.
client.on("error", () => {});
await client.connect();
const registry = new HeartbeatRegistry({ client, service: SERVICE });
const watch = registry.watch({ interval: "250ms" });
for (const event of /** @type {const} */ (["joined", "lost", "stopped", "status"])) {
  watch.on(event, (instance) => story.fromRegistry(event, instance));
}

const bots = names.map((name) => {
  const child = run(name, "bot.mjs", [name, String(port), redis.url, String(names.length)]);
  child.on("message", (message) => story.fromBot(name, message));
  child.once("exit", (code, signal) => story.ended(name, signal ?? code ?? undefined));
  story.tell(name, `process ${child.pid}`);
  return child;
});

async function look() {
  story.listed(await registry.list().catch(() => undefined));
}

/** Until the registry has told of all that have stopped. @param {number} stopped */
async function heard(stopped) {
  for (let tries = 0; tries < 500 && story.registry.stopped.size < stopped; tries++) await sleep(20);
  await look();
}

async function play() {
  await Promise.all(bots.map((bot) => hears(bot, "started")));
  story.begin();
  setInterval(() => void look(), 200).unref();
  if (live) {
    screen.open();
    setInterval(() => screen.draw(), 100).unref();
  } else {
    setInterval(() => print((width) => statusLines(story, width)), STATUS_EVERY_MS).unref();
  }
  exchange.send({ type: "begin" });
  for (const bot of bots) bot.send("begin");
  await hears(exchange, "finished");
}

async function stop() {
  story.finish();
  // What is frozen cannot end in order.
  redis.thaw();
  const alive = bots.filter((bot) => !isGone(bot));
  story.tell("shutdown", `SIGTERM to ${alive.length} bots`);
  await Promise.all(alive.map((bot) => ended(bot, () => terminate(bot))));
  await heard(alive.length);
  await watch.close();
  client.destroy();
  if (!isGone(exchange)) {
    const reported = hears(exchange, "reported");
    exchange.send({ type: "report" });
    await reported;
    await ended(exchange, () => exchange.disconnect());
  }
  await redis.stop();
  // Long enough to be read.
  if (live) await sleep(1500);
}

const allEnded = Promise.all(bots.map((bot) => once(bot, "exit"))).then(() => undefined);
const played = play().catch((error) => {
  if (!story.stopping) story.tell("demo", error.message, "bad");
});
const cutShortBy = await Promise.race([played.then(() => undefined), interrupted, allEnded]);
if (cutShortBy !== undefined) story.interrupt();
await stop();
screen.close();

conclude(judge(story), cutShortBy, options["keep-running"]);
