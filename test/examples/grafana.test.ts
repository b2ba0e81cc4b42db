import { spawnSync } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { findPrometheus, findPromtool, startPrometheus } from "../../scripts/prometheus.mjs";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import { METRICS } from "../../src/telemetry/metrics/table.js";
import { prometheusName } from "../../src/telemetry/prometheus-text.js";
import { prometheusMetrics } from "../../src/telemetry/index.js";
import { readText } from "../telemetry/read-text.js";
import { Demo, expectNothingLeft } from "./demo-process.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = path.join(root, "examples/grafana");
const read = (file: string): string => fs.readFileSync(path.join(folder, file), "utf8");

interface Rule {
  readonly alert: string;
  readonly expr: string;
}

const { groups } = parse(read("alerts.yml")) as { groups: readonly { readonly rules: readonly Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

const dashboard = JSON.parse(read("dashboard.json")) as {
  readonly panels: readonly Panel[];
  readonly templating: object;
};
const charts = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }, index) => [`${title} ${index + 1}`, expr] as const),
);
const expressions = [...rules.map(({ alert, expr }) => [alert, expr] as const), ...charts];

/** The names of the samples of a metric. */
const namesOf = new Map(
  METRICS.flatMap((metric) => {
    const name = prometheusName(metric);
    const endings = metric.type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
    return endings.map((ending) => [name + ending, metric] as const);
  }),
);

test.each(expressions)("%s uses metrics, labels and values that exist", (_, expression) => {
  const used = [...expression.matchAll(/\b(kstlib_resilience_\w+)(?:\{([^}]*)\})?/g)];
  expect(used.length).toBeGreaterThan(0);
  for (const [, name = "", matchers = ""] of used) {
    const metric = namesOf.get(name);
    expect(metric, name).toBeDefined();
    for (const [, label = "", value = ""] of matchers.matchAll(/(\w+)\s*[=!]~?\s*"([^"]*)"/g)) {
      if (["job", "name"].includes(label)) continue;
      expect(metric?.attribute?.key).toBe(label);
      expect(metric?.attribute?.values).toEqual(expect.arrayContaining(value.split("|")));
    }
  }
  const grouped = [...expression.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = ""]) =>
    list.split(/,\s*/),
  );
  const known = new Set(["job", "instance", "name", "le", ...METRICS.map(({ attribute }) => attribute?.key)]);
  expect(grouped.filter((label) => !known.has(label))).toEqual([]);
});

test("the expressions are those of the whole dashboard and of all rules", () => {
  const everywhere =
    (read("alerts.yml") + JSON.stringify(dashboard.panels)).match(/kstlib_resilience_\w+/g) ?? [];
  const seen = expressions.flatMap(([, expression]) => expression.match(/kstlib_resilience_\w+/g) ?? []);
  expect(seen.length).toBe(everywhere.length);
});

function promtool(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(findPromtool() ?? "", args, { cwd: folder, encoding: "utf8" });
  expect(status, stdout + stderr).toBe(0);
  return stdout;
}

describe.skipIf(findPromtool() === undefined)("promtool", () => {
  test("accepts the rules, their tests and the configuration", () => {
    expect(promtool("check", "rules", "alerts.yml")).toContain(`${rules.length} rules found`);
    expect(promtool("test", "rules", "alerts.test.yml")).toContain("SUCCESS");
    expect(promtool("check", "config", "prometheus.yml")).toContain("valid prometheus config");
  });

  test("accepts the expressions of the dashboard", () => {
    const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "dashboard-")), "rules.json");
    const records = charts.map(([, expr], index) => ({
      record: `chart_${index}`,
      expr: expr.replaceAll("$__rate_interval", "1m"),
    }));
    fs.writeFileSync(file, JSON.stringify({ groups: [{ name: "dashboard", rules: records }] }));
    expect(promtool("check", "rules", file)).toContain(`${charts.length} rules found`);
    fs.rmSync(path.dirname(file), { recursive: true });
  });

  test("accepts the text of the metrics", async () => {
    using metrics = prometheusMetrics();
    await new CircuitBreaker({ name: 'any "name"\n' }).call(() => 1);
    const { status, stdout, stderr } = spawnSync(findPromtool() ?? "", ["check", "metrics"], {
      input: metrics.text(),
      encoding: "utf8",
    });
    expect([status, stdout, stderr]).toEqual([0, "", ""]);
  });
});

/** Asks again until there is an answer. */
async function until<Answer>(ask: () => Promise<Answer>, isIt: (answer: Answer) => boolean): Promise<Answer> {
  for (;;) {
    const answer = await ask();
    if (isIt(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

type Result = readonly {
  readonly metric: Record<string, string>;
  readonly value: readonly [number, string];
}[];

test.skipIf(findPrometheus() === undefined)(
  "Prometheus scrapes the bot and this process by the configuration, and has the right figures",
  async () => {
    using metrics = prometheusMetrics();
    const breaker = new CircuitBreaker({ name: 'pay "now"\n', maxFailures: 2 });
    for (let call = 0; call < 7; call++) await breaker.call(() => 1);
    for (let call = 0; call < 3; call++)
      await breaker.call(() => Promise.reject(new Error("down"))).catch(() => {});
    const server = http.createServer(metrics.handler()).listen(0, "127.0.0.1");
    const main = path.join(root, "examples/trading-bot/main.mjs");
    const demo = new Demo(process.execPath, [main, "--keep-running", "--fast", "--metrics", "0"]);
    onTestFinished(() => {
      demo.child.kill("SIGKILL");
      server.close();
      server.closeAllConnections();
    });
    await demo.prints(/metrics at http:\/\/\S+\/metrics/);
    const [, bot = ""] = /metrics at http:\/\/(\S+)\/metrics/.exec(demo.text) ?? [];
    const own = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const configuration = read("prometheus.yml")
      .replace(/"127\.0\.0\.1:9464"/, `"${bot}", "${own}"`)
      .replaceAll(/interval: 5s/g, "interval: 1s");
    await using prometheus = await startPrometheus(configuration, [path.join(folder, "alerts.yml")]);
    const query = async (expression: string): Promise<Result> =>
      (await prometheus.query(expression)) as Result;
    const calls = `kstlib_resilience_circuit_breaker_calls_total`;

    const ofOwn = await until(
      () => query(`${calls}{instance="${own}"}`),
      (result) => result.length > 0,
    );
    const told = Object.fromEntries(ofOwn.map(({ metric, value }) => [metric["outcome"] ?? "", value[1]]));
    expect(told).toEqual({ success: "7", failure: "2", rejected: "1" });
    expect(new Set(ofOwn.map(({ metric }) => metric["name"]))).toEqual(new Set(['pay "now"\n']));
    const [quantile] = await query(
      `histogram_quantile(0.99, kstlib_resilience_circuit_breaker_call_duration_seconds_bucket{instance="${own}"})`,
    );
    expect(Number(quantile?.value[1])).toBeGreaterThan(0);

    await until(
      () => query(`${calls}{instance="${bot}",name="exchange-api",outcome="success"} > 0`),
      (result) => result.length === 1,
    );
    const [scraped] = await query(`${calls}{instance="${bot}",name="exchange-api",outcome="success"}`);
    const now = readText(await (await fetch(`http://${bot}/metrics`)).text())
      .flatMap(({ samples }) => samples)
      .find(({ name, labels }) => name === calls && labels["outcome"] === "success");
    expect(Number(scraped?.value[1])).toBeLessThanOrEqual(now?.value ?? 0);

    const health = await until(
      async () =>
        (
          (await prometheus.get("rules")) as { groups: { rules: { name: string; health: string }[] }[] }
        ).groups.flatMap((group) => group.rules),
      (all) => all.length > 0 && all.every((rule) => rule.health !== "unknown"),
    );
    expect(health.map((rule) => [rule.name, rule.health])).toEqual(rules.map(({ alert }) => [alert, "ok"]));

    demo.child.kill("SIGINT");
    await demo.exitCode();
    await expectNothingLeft(demo, 2);
  },
);
