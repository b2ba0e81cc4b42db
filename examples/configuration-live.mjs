// A limit that is changed in kstlib.conf.yml while the program runs: waiting calls get new turns.
import assert from "node:assert/strict";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { Registry } from "@kstlib/resilience";
import { watchConfig } from "@kstlib/resilience/config";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "kstlib-example-"));
const file = path.join(folder, "kstlib.conf.yml");
/** Saves as editors do: a new file replaces the old one. */
function save(text) {
  fs.writeFileSync(`${file}.new`, text);
  fs.renameSync(`${file}.new`, file);
}

save("resilience: { rate_limiter: { instances: { exchange: { rate: 1, per: 1h } } } }\n");
const registry = new Registry();
const watcher = watchConfig({ path: file, registry, interval: "100ms" });
const exchange = registry.rateLimiter("exchange");
const events = new EventTarget();
watcher.on("change", ({ components }) => {
  for (const { name, changed } of components) console.log(`${name}: ${changed.join(", ")} changed`);
});
watcher.on("error", (error) => {
  console.log(`refused: ${path.basename(error.file)}:${error.line}:${error.column}`);
  events.dispatchEvent(new Event("refused"));
});

await exchange.acquire();
console.log(`the next call would have to wait ${Math.round(exchange.timeUntilToken() / 60)} minutes`);
const next = exchange.acquire();

const refused = once(events, "refused");
save("resilience: { rate_limiter: { instances: { exchange: { rate: many, per: 1s } } } }\n");
await refused;
assert.equal(exchange.rate, 1);

save("resilience: { rate_limiter: { instances: { exchange: { rate: 50, per: 1s } } } }\n");
// A watcher does not keep the process alive, but the waiting call does.
await next;
console.log(`the next call was made under the new limit: ${exchange.rate} per ${exchange.per} s`);

watcher[Symbol.dispose]();
fs.rmSync(folder, { recursive: true });
