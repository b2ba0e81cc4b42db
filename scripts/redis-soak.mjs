// node scripts/redis-soak.mjs [--minutes 10] [--processes 4]
// Processes that share one limit while the server is frozen, killed, flushed and cut off at random. Tells whether the bound
// held, how long the longest decision took, and whether the memory stayed flat.
import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ensureBuilt } from "./setup.mjs";
import { startServer } from "./redis/server.mjs";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    processes: { type: "string", default: "4" },
  },
});
const seconds = Number(values.minutes) * 60;
const LIMIT = { rate: 500, per: "1s", burst: 50, onStoreError: "closed" };
const STORE_TIMEOUT_MS = 250;

ensureBuilt();
const server = await startServer();
const program = fileURLToPath(new URL("../test/fixtures/redis-limited.mjs", import.meta.url));

/** What each process told of its heap, in MB, in the order of time. */
const heaps = [];
const children = await Promise.all(
  Array.from({ length: Number(values.processes) }, async (_, index) => {
    const settings = { port: server.port, seconds, name: "soak", limit: LIMIT, waiters: 8, fault: true };
    const child = fork(program, [JSON.stringify(settings)], { execArgv: ["--expose-gc"] });
    heaps[index] = [];
    await once(child, "message");
    child.on("message", ({ heap }) => heap !== undefined && heaps[index].push(heap));
    return child;
  }),
);
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

/** Faults after which the bucket is forgotten, and so full again. */
let forgotten = 0;
const FAULTS = {
  async frozen() {
    server.freeze();
    await sleep(500 + Math.random() * 2500);
    server.thaw();
  },
  async killed() {
    forgotten++;
    await server.restart();
  },
  async flushed() {
    forgotten++;
    await server.command("FLUSHALL");
  },
  unknown: () => server.command("SCRIPT", "FLUSH"),
  cut: () => server.command("CLIENT", "KILL", "TYPE", "normal").catch(() => {}),
};
const counts = {};
const begun = performance.now();
const results = children.map(async (child) => {
  for (;;) {
    const [message] = await once(child, "message");
    if (message.admitted !== undefined) return message;
  }
});
for (const child of children) child.send("go");
const over = Promise.all(results).then(() => "over");
while ((await Promise.race([over, sleep(1000 + Math.random() * 3000)])) !== "over") {
  // The last faults must be over before the end.
  if (performance.now() - begun > (seconds - 5) * 1000) continue;
  const names = Object.keys(FAULTS);
  const name = names[Math.floor(Math.random() * names.length)];
  counts[name] = (counts[name] ?? 0) + 1;
  await FAULTS[name]();
}
const elapsed = (performance.now() - begun) / 1000;
const told = await Promise.all(results);
const admitted = told.reduce((sum, one) => sum + one.admitted, 0);
const failed = told.reduce((sum, one) => sum + one.failed, 0);
const bound = LIMIT.burst * (1 + forgotten) + LIMIT.rate * elapsed;
const longest = Math.max(...told.map((one) => one.longest));
const lag = Math.max(...told.map((one) => one.lag));
const middle = (list) => list.toSorted((one, other) => one - other)[Math.floor(list.length / 2)];
const growth = heaps.map((list) => {
  const third = Math.ceil(list.length / 3);
  return middle(list.slice(-third)) / middle(list.slice(third, 2 * third));
});
await server.stop();

console.log(`${children.length} processes, ${elapsed.toFixed(0)} s, faults: ${JSON.stringify(counts)}`);
console.log(
  `admitted ${admitted} of at most ${bound.toFixed(0)} (${forgotten} times forgotten), not decided ${failed}`,
);
console.log(
  `longest decision ${longest.toFixed(0)} ms: a store timeout of ${STORE_TIMEOUT_MS} ms, and timers up to ${lag.toFixed(0)} ms late`,
);
console.log(`heap, last third over middle third: ${growth.map((one) => one.toFixed(2)).join(" ")}`);
const held = admitted <= bound && growth.every((one) => !(one > 1.3));
console.log(held ? "held" : "FAILED");
process.exit(held ? 0 : 1);
