// The size of the bundled core: minified, gzipped.
import path from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { report } from "../measure.mjs";

const dist = path.resolve(import.meta.dirname, "../../dist");

const exportOf = (exported, entry) => `export ${exported} from ${JSON.stringify(path.join(dist, entry))};`;

async function kilobytes(exported, ...parts) {
  const contents = [exportOf(exported, "index.js"), ...parts].join("\n");
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: import.meta.dirname },
    bundle: true,
    // Optional, and not ours.
    external: ["ws", "nodemailer"],
    minify: true,
    write: false,
    format: "esm",
    platform: "node",
    target: "node20",
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length / 1000;
}

/** A policy that shares with the others what all policies have. */
const BASE = "Chaos";
const POLICIES = [
  "Retry",
  "RetryBudget",
  "Timeout",
  "Bulkhead",
  "AdaptiveLimiter",
  "Fallback",
  "Hedge",
  "SingleFlight",
];

const base = await kilobytes(`{ ${BASE} }`);
const rows = [];
for (const policy of POLICIES) {
  const value = (await kilobytes(`{ ${BASE}, ${policy} }`)) - base;
  rows.push({ id: policy, label: `${policy}, beside ${BASE}`, value, unit: "kB", max: 3 });
}

/** Parts that the core does not contain, by what they may add to it. */
const PARTS = { schedule: 3, alerts: 6, websocket: 7 };

const core = await kilobytes("*");
for (const [part, max] of Object.entries(PARTS)) {
  const value = (await kilobytes("*", exportOf("*", `${part}/index.js`))) - core;
  rows.push({ id: part, label: `${part}, beside the core`, value, unit: "kB", max });
}

// What a bundle pays that has a channel of its own, or one of ours.
for (const names of ["AlertSender", "AlertSender, WebhookChannel"]) {
  const value = (await kilobytes("*", exportOf(`{ ${names} }`, "alerts/index.js"))) - core;
  rows.push({ id: `alerts ${names}`, label: `${names}, beside the core`, value, unit: "kB", max: 6 });
}

report([
  {
    id: "breaker",
    label: "circuit breaker alone",
    value: await kilobytes("{ CircuitBreaker }"),
    unit: "kB",
    max: 5.5,
  },
  { id: "base", label: `${BASE} alone, with what all policies share`, value: base, unit: "kB" },
  ...rows,
  {
    id: "resilient",
    label: "resilient, with its parts",
    value: await kilobytes("{ resilient }"),
    unit: "kB",
    max: 16,
  },
  { id: "core", label: "whole core", value: core, unit: "kB", max: 28 },
]);
