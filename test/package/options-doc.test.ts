import fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { toSnakeCase } from "../../src/kernel/snake-case.js";
import { watchRules } from "../../src/config/watch-options.js";
import { sections } from "../../src/all-sections.js";
import { components } from "../../src/descriptors.js";
import { type Rule, text } from "../../src/kernel/rules.js";
import { httpClientRules } from "../../src/http/client/options.js";
import { EVENT_NAMES as alertEvents } from "../../src/alerts/events.js";
import { EVENT_NAMES as scheduleEvents } from "../../src/schedule/events.js";
import { callbackRules } from "../../src/schedule/wait-options.js";
import { otelMetricsRules } from "../../src/telemetry/otel-metrics.js";
import { otelSpanEventsRules } from "../../src/telemetry/otel-span-events.js";
import { stateFileRules } from "../../src/watchdog/state-file-options.js";

const root = path.resolve(import.meta.dirname, "../..");
const page = fs.readFileSync(path.join(root, "docs/options.md"), "utf8");
const sources = fs
  .readdirSync(path.join(root, "src"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => fs.readFileSync(path.join(root, "src", file), "utf8"))
  .join("\n");

/** The part of the page under a heading of the second level. */
function chapter(title: string): string {
  const [, after] = page.split(`\n## ${title}\n`);
  if (after === undefined) throw new Error(`no chapter ${title}`);
  return after.split("\n## ")[0] ?? "";
}

/** The chapter of a pattern: of `keyedRateLimiter` it is "Rate limiter", of `shutdown` "Graceful shutdown". */
function chapterOf(pattern: string): string {
  const words = toSnakeCase(pattern).replaceAll("_", " ");
  const titles = [...page.matchAll(/^## (.+)$/gm)].map(([, title = ""]) => title);
  const isOf = (title: string): boolean =>
    title.endsWith(words) || words.endsWith(title) || title === `${words}s`;
  return chapter(titles.find((title) => isOf(title.toLowerCase())) ?? words);
}

/** The rows of the tables in a text, by the code in their first cell; the first of several. */
function rows(markdown: string): ReadonlyMap<string, string> {
  const found = markdown.matchAll(/^\| `([^`]+)` +\|(.*)\|$/gm);
  return new Map([...found].toReversed().map(([, name = "", rest = ""]) => [name, rest] as const));
}

/** The events of what the core does not contain. */
const EVENTS_APART = [
  ["schedule", scheduleEvents],
  ["alerts", alertEvents],
] as const;

type Rules = Readonly<Record<string, Rule<unknown>>>;

const [, fromStateFile = ""] = chapter("Watchdog").split("`Watchdog.fromStateFile(");
/** Options that no constructor has stand there. */
const inTheFile = rows(chapter("In the file"));

const SECTIONS = Object.entries(sections).map(([name, { rules }]) => {
  const ofConstructors = Object.entries(rules).filter(([option]) => !inTheFile.has(toSnakeCase(option)));
  return [name, chapterOf(name), Object.fromEntries(ofConstructors)] as const;
});

const TABLES: readonly (readonly [string, string, Rules])[] = [
  ...SECTIONS.map(([name, markdown, rules]) => [name, markdown, { name: text(name), ...rules }] as const),
  ["Watchdog.fromStateFile", fromStateFile, stateFileRules],
  ["onBoundary", chapter("Schedule"), callbackRules(60_000)],
  ["watchConfig", chapter("Following the file"), watchRules],
  ["resilientFetch", chapter("HTTP client"), httpClientRules],
  ["otelMetrics", chapter("Telemetry"), otelMetricsRules],
  ["otelSpanEvents", chapter("Telemetry"), otelSpanEventsRules],
];

describe("docs/options.md", () => {
  test.each(TABLES)("has each option of %s with its default", (_, markdown, rules) => {
    const described = rows(markdown);
    const wrong = Object.entries(rules).filter(([name, { fallback }]) => {
      const [byDefault = "", what = ""] = described.get(name)?.split("|") ?? [];
      if (byDefault === "" || (name !== "clock" && what.trim() === "")) return true;
      const isPlain = typeof fallback === "number" || typeof fallback === "boolean";
      return isPlain && !new RegExp(`(?<![\\d.])${fallback}(?![\\d.])`).test(byDefault.replaceAll(",", ""));
    });
    expect(wrong.map(([name]) => name)).toEqual([]);
  });

  test.each(SECTIONS)("marks what a file cannot set of %s", (_, markdown, rules) => {
    const described = rows(markdown);
    const isMarked = (name: string): boolean => /(?<!\()_code_/.test(described.get(name) ?? "");
    const wrong = Object.entries(rules).filter(([name, { file }]) => isMarked(name) !== (file === undefined));
    expect(wrong.map(([name]) => name)).toEqual([]);
  });

  test.each(Object.entries(components))("has each event of %s", (name, { events }) => {
    const described = rows(chapterOf(name));
    expect(Object.keys(events).filter((event) => !described.has(event))).toEqual([]);
  });

  test.each(EVENTS_APART)("has each event of %s, which is apart", (name, events) => {
    const described = rows(chapterOf(name));
    expect(events.filter((event) => !described.has(event))).toEqual([]);
  });

  test.each(Object.values(components))(
    "says what can change of a $kind that is alive",
    ({ kind, configured }) => {
      const row = rows(chapter("Following the file")).get(kind) ?? "";
      expect([...row.matchAll(/`(\w+)`/g)].map(([, option]) => option)).toEqual(configured?.live ?? []);
    },
  );

  test("lists each error code of the sources, and no others", () => {
    // The others are Node's own, which the sources look for.
    const ours =
      /"(ERR_(?:CIRCUIT|PROBE|TIMEOUT|HEDGE|BULKHEAD|RATE_LIMIT|SHUTDOWN|HEALTH|HEARTBEAT|WATCHDOG|ALERT|CONFIG|WEBSOCKET|HTTP_STATUS)[A-Z_]*)"/g;
    const codes = new Set([...sources.matchAll(ours)].map(([, code]) => code));
    expect(new Set(rows(chapter("All error codes")).keys())).toEqual(codes);
  });

  test("lists each warning of the sources, and no others", () => {
    const codes = new Set([...sources.matchAll(/"(KSTLIB_[A-Z_]+)"/g)].map(([, code]) => code));
    // Variables of the environment.
    for (const variable of ["KSTLIB_CONFIG", "KSTLIB_SUPERVISED"]) codes.delete(variable);
    expect(new Set(rows(chapter("Warnings")).keys())).toEqual(codes);
  });
});
