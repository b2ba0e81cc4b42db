import fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { EVENT_NAMES as alertEvents } from "../../src/alerts/events.js";
import { components } from "../../src/descriptors.js";
import { EVENT_NAMES as scheduleEvents } from "../../src/schedule/events.js";
import { METRICS } from "../../src/telemetry/metrics/table.js";

const page = fs.readFileSync(path.resolve(import.meta.dirname, "../../docs/telemetry.md"), "utf8");

test("docs/telemetry.md has each metric with its kind, unit, values and meaning", () => {
  const [, after = ""] = page.split("<!-- metrics -->");
  const [table = ""] = after.split("\n## ");
  const rows = [...table.matchAll(/^\| `.*$/gm)].map(([row]) => row.split("|").map((cell) => cell.trim()));
  const told = METRICS.map(({ name, type, unit, attribute, description }) => {
    const values = attribute?.values.map((value) => `\`${value}\``).join(", ");
    const own = attribute === undefined ? "" : `\`${attribute.key}\`: ${values}`;
    return ["", `\`${name}\``, type, unit.replaceAll(/[{}]/g, ""), own, description, ""];
  });
  expect(rows).toEqual(told);
});

test("each name, and each series of names that Prometheus sees, is there once", () => {
  const names = METRICS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.filter((name) => !/^[a-z_]+(?:\.[a-z_]+)+$/.test(name) || name.includes("total"))).toEqual([]);
});

test("the events that are counted are those that components have", () => {
  const known = new Map<string, readonly string[]>([
    ...Object.values(components).map(({ kind, events }) => [kind, Object.keys(events)] as const),
    ["schedule", scheduleEvents],
    ["alerts", alertEvents],
  ]);
  const strangers = METRICS.flatMap((metric) => (metric.type === "gauge" ? [] : metric.events))
    .filter(({ kind, event }) => known.has(kind) && !known.get(kind)?.includes(event))
    .map(({ kind, event }) => `${kind}.${event}`);
  expect(strangers).toEqual([]);
});
