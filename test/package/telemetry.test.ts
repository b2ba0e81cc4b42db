import path from "node:path";
import * as esbuild from "esbuild";
import { expect, test } from "vitest";
import { describePacked } from "./packed.js";
import { Project } from "./project.js";

describePacked("serves metrics, without OpenTelemetry", {
  names: "{ otelMetrics, otelSpanEvents, prometheusMetrics }",
  entry: "telemetry",
  body: `const metrics = prometheusMetrics();
const others = [otelMetrics(), otelSpanEvents()];
const channel = process.getBuiltinModule("node:diagnostics_channel").channel("kstlib.resilience.retry.retry");
channel.publish({ name: "any", attempt: 1, delay: 0, outcome: { status: "rejected", reason: new Error() } });
console.log(metrics.text().split("\\n").at(-2));
for (const one of [metrics, ...others]) one[Symbol.dispose]();
console.log(channel.hasSubscribers);
`,
  expected: 'kstlib_resilience_retry_retries_total{name="any"} 1\nfalse\n',
});

const WITH_OTEL = `import { metrics } from "@opentelemetry/api";
import { CircuitBreaker } from "@kstlib/resilience";
import { otelMetrics } from "@kstlib/resilience/telemetry";

const said = [];
const instrument = (name) => ({ record: (value, { name: owner }) => said.push(name + " " + owner) });
const meter = {
  createHistogram: instrument,
  createObservableCounter: instrument,
  createObservableGauge: instrument,
  addBatchObservableCallback() {},
  removeBatchObservableCallback() {},
};
metrics.setGlobalMeterProvider({ getMeter: () => meter });
const telemetry = otelMetrics();
await new CircuitBreaker({ name: "payments" }).call(() => 1);
telemetry[Symbol.dispose]();
console.log(said.join());
`;

test("the packed package finds what @opentelemetry/api has registered, also when both are bundled", async () => {
  const project = new Project().link("@opentelemetry/api");
  const app = project.write("app.mjs", WITH_OTEL);
  const outfile = path.join(project.folder, "bundle.mjs");
  await esbuild.build({
    entryPoints: [app],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "error",
  });
  const expected = "kstlib.resilience.circuit_breaker.call.duration payments\n";
  for (const file of [app, outfile]) expect(await project.run(process.execPath, [file])).toBe(expected);
});

test("a component of the CommonJS build is counted and found by the ES modules", async () => {
  const project = new Project();
  project.write(
    "made.cjs",
    `const { CircuitBreaker } = require("@kstlib/resilience");
exports.breaker = new CircuitBreaker({ name: "of cjs" });
`,
  );
  const app = project.write(
    "app.mjs",
    `import made from "./made.cjs";
import { prometheusMetrics } from "@kstlib/resilience/telemetry";
const metrics = prometheusMetrics();
await made.breaker.call(() => 1);
const lines = metrics.text().split("\\n").filter((line) => / 1$/.test(line) && !/duration/.test(line));
console.log(lines.join("\\n"));
`,
  );
  expect(await project.run(process.execPath, [app])).toBe(
    `kstlib_resilience_circuit_breaker_calls_total{name="of cjs",outcome="success"} 1
kstlib_resilience_circuit_breaker_state{name="of cjs",state="closed"} 1
`,
  );
});
