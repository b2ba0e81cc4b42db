// A fleet of 10 to 10,000 instances that share one limit and one circuit, in simulated time with a seeded
// random: the package's classes and scripts as they stand, on a real redis-server behind a simulated network. Writes the
// picture and the table of `docs/fleet.md`.
import fs from "node:fs";
import path from "node:path";
import { buildSync } from "esbuild";
import { findServer, startServer } from "../../scripts/redis/server.mjs";
import { panels } from "../fleet/chart.mjs";
import { spread } from "../fleet/circuit.mjs";
import { limited } from "../fleet/limit.mjs";
import { Backend, clientOf, Server, slotsOf } from "../fleet/server.mjs";
import { figures, most, writePage } from "../fleet/page.mjs";
import { World } from "../fleet/world.mjs";
import { quick, report } from "../measure.mjs";
import { seeded } from "../simulations/overload.mjs";

const docs = path.join(import.meta.dirname, "../../docs");
const SIZES = quick ? [10, 100] : [10, 100, 1000, 10_000];

/** What the fleet asks for, of what the limit allows. */
const LOADS = { below: 0.7, above: 1.5 };

const NODES = 16;

/** What each mode adds to the options of an instance. */
const MODES = {
  exact: {},
  "lease of 10": { add: () => ({ lease: { tokens: 10, maxAge: "1s" } }) },
  "lease of 100": { add: () => ({ lease: { tokens: 100, maxAge: "1s" } }) },
  // Every instance has one of as many limits, each of them a part of the whole.
  "16 parts": {
    nodes: NODES,
    least: 100,
    add: ({ rate, burst }, at) => ({ name: `fleet ${at % NODES}`, rate: rate / NODES, burst: burst / NODES }),
  },
};

if (findServer() === undefined) {
  report([{ id: "fleet", label: "a fleet on Redis", missing: "redis-server is not installed" }]);
  process.exit();
}

const { SharedCircuitBreaker, SharedRateLimiter } = await import("@kstlib/resilience/redis");

// Which node has a key is no part of the package's interface.
const source = path.join(import.meta.dirname, "../../src/redis/store/cluster-slot.ts");
const built = buildSync({ entryPoints: [source], bundle: true, format: "esm", write: false });
const { clusterSlot } = await import(`data:text/javascript,${encodeURIComponent(built.outputFiles[0].text)}`);

const real = await startServer();

/** A world with so many servers, and what the scenario tells of it. */
async function simulate(nodes, scenario, options) {
  const world = new World();
  const random = seeded(20);
  const backend = new Backend(real.port);
  const servers = Array.from({ length: nodes }, () => new Server(world, random, backend));
  const network = { world, servers, backend, slots: slotsOf(nodes), slotOf: clusterSlot };
  const clientFor = (instance) => clientOf(instance, network);
  const result = await scenario({ world, random, servers, clientFor, ...options });
  await backend.flushAll();
  backend.close();
  return result;
}

function oneLimit(count, { nodes = 1, least = 0, add = () => ({}) }, load) {
  if (count < least) return undefined;
  const seconds = count === 10 ? 10 : 3;
  const make = (options, at) => new SharedRateLimiter({ ...options, ...add(options, at) });
  return simulate(nodes, limited, { count, load, seconds, make });
}

const rows = [];
for (const size of SIZES) {
  const modes = {};
  for (const [name, mode] of Object.entries(MODES)) {
    const below = await oneLimit(size, mode, LOADS.below);
    if (below !== undefined) modes[name] = { below, above: await oneLimit(size, mode, LOADS.above) };
  }
  rows.push({ size, modes, circuit: await simulate(1, spread, { count: size, SharedCircuitBreaker }) });
}
await real.stop();

report(figures(rows));
if (!quick) {
  writePage(path.join(docs, "fleet.md"), rows);
  const lines = (read) =>
    Object.keys(MODES).map((label) => ({
      label,
      values: rows.map(({ modes }) => (modes[label] ? read(modes[label]) : undefined)),
    }));
  const picture = panels({
    title: "One limit for a fleet of 10 to 10,000 instances",
    sizes: SIZES,
    panels: [
      { title: "round trips a request, at 70 %", top: 1.2, lines: lines(({ below }) => below.trips) },
      {
        title: "load on the busiest node, at 70 %",
        top: 100,
        unit: " %",
        lines: lines(({ below }) => most(below.loads) * 100),
      },
      {
        title: "use of the limit, at 150 %",
        top: 100,
        unit: " %",
        lines: lines(({ above }) => above.used * 100),
      },
    ],
  });
  fs.writeFileSync(path.join(docs, "fleet.svg"), picture);
}
process.exit();
