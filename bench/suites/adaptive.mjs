// What the adaptive limiter makes of an overloaded service, simulated with a seeded random: exact, and the same on every
// machine. Writes the picture `bench/simulations/adaptive.svg`.
import fs from "node:fs";
import path from "node:path";
import { buildSync } from "esbuild";
import { quick, report } from "../measure.mjs";
import { chart } from "../simulations/chart.mjs";
import { simulate } from "../simulations/overload.mjs";

// What the limiter learns with is not exported: the simulation has its own time and calls nothing.
const source = path.join(import.meta.dirname, "../../src/policies/adaptive-limiter/estimate.ts");
const built = buildSync({ entryPoints: [source], bundle: true, format: "esm", write: false });
const { Estimate } = await import(`data:text/javascript,${encodeURIComponent(built.outputFiles[0].text)}`);

const CAPACITY = 40;
const HALVED = 120;
const seconds = 200;
const capacity = (now) => (now < HALVED * 1000 ? CAPACITY : CAPACITY / 2);

const run = (initial) =>
  simulate({
    limit: new Estimate(initial, { algorithm: "gradient", min: 1, max: 10 * CAPACITY }),
    capacity,
    seconds,
  });
const low = run(CAPACITY / 10);
const high = run(CAPACITY * 10);
const fixed = simulate({ limit: { limit: CAPACITY * 10, ended() {} }, capacity, seconds });

const off = ({ trace }, from, to, goal) => {
  const part = trace.slice(from, to).toSorted((one, other) => one - other);
  return Math.abs(part[Math.floor(part.length / 2)] / goal - 1) * 100;
};
const rows = [
  [
    "from-low",
    "limit, from 1/10 of the capacity: off by (median)",
    off(low, 90, HALVED, CAPACITY),
    "%",
    { max: 25 },
  ],
  [
    "from-high",
    "limit, from 10 times the capacity: off by (median)",
    off(high, 90, HALVED, CAPACITY),
    "%",
    { max: 25 },
  ],
  [
    "halved",
    "30 windows after half of it was lost: off by (median)",
    off(high, HALVED + 20, HALVED + 35, CAPACITY / 2),
    "%",
    { max: 25 },
  ],
  ["lowest", "lowest limit", Math.min(...low.trace, ...high.trace), "", { min: 1 }],
  [
    "good",
    "answers in time / with the fixed limit",
    Math.min(low.good, high.good) / fixed.good,
    "x",
    { min: 1.5 },
  ],
];
report(rows.map(([id, label, value, unit, goal]) => ({ id, label, value, unit, ...goal })));

if (!quick) {
  const lines = [
    { label: "from 1/10", values: low.trace },
    { label: "from 10 times", values: high.trace },
  ];
  const steps = high.trace.map((_, second) => capacity(second * 1000));
  fs.writeFileSync(
    path.join(import.meta.dirname, "../simulations/adaptive.svg"),
    chart({ title: "Limit and capacity of a service under three times its load", lines, steps, top: 100 }),
  );
}
