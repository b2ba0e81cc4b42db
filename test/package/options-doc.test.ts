import fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { circuitBreakerRules } from "../../src/circuit-breaker/options.js";
import { healthRules } from "../../src/health/options.js";
import { heartbeatRules } from "../../src/heartbeat/options.js";
import type { Rule } from "../../src/kernel/rules.js";
import { keyedRateLimiterRules, rateLimiterRules } from "../../src/rate-limiter/options.js";
import { shutdownRules } from "../../src/shutdown/options.js";
import { watchdogRules } from "../../src/watchdog/options.js";
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
  const [, text] = page.split(`\n## ${title}\n`);
  if (text === undefined) throw new Error(`no chapter ${title}`);
  return text.split("\n## ")[0] ?? "";
}

const [watchdogOptions = "", fromStateFile = ""] = chapter("Watchdog").split("`Watchdog.fromStateFile(");

/** The rows of the tables in a text, by the code in their first cell. */
function rows(text: string): ReadonlyMap<string, string> {
  const found = text.matchAll(/^\| `([^`]+)` +\|(.*)\|$/gm);
  return new Map([...found].map(([, name = "", rest = ""]) => [name, rest] as const));
}

type Rules = Readonly<Record<string, Rule<unknown>>>;

const TABLES: readonly (readonly [string, string, Rules])[] = [
  ["CircuitBreaker", chapter("Circuit breaker"), circuitBreakerRules],
  ["RateLimiter", chapter("Rate limiter"), rateLimiterRules],
  ["KeyedRateLimiter", chapter("Rate limiter"), keyedRateLimiterRules],
  ["GracefulShutdown", chapter("Graceful shutdown"), shutdownRules],
  ["Health", chapter("Health"), healthRules],
  ["Heartbeat", chapter("Heartbeat"), heartbeatRules],
  ["Watchdog", watchdogOptions, watchdogRules],
  ["Watchdog.fromStateFile", fromStateFile, stateFileRules],
];

describe("docs/options.md", () => {
  test.each(TABLES)("has each option of %s with its default", (_, text, rules) => {
    const described = rows(text);
    const wrong = Object.entries(rules).filter(([name, { fallback }]) => {
      const [byDefault = "", what = ""] = described.get(name)?.split("|") ?? [];
      if (byDefault === "" || (name !== "clock" && what.trim() === "")) return true;
      const isPlain = typeof fallback === "number" || typeof fallback === "boolean";
      return isPlain && !new RegExp(`(?<![\\d.])${fallback}(?![\\d.])`).test(byDefault.replaceAll(",", ""));
    });
    expect(wrong.map(([name]) => name)).toEqual([]);
  });

  test.each(TABLES.slice(0, -1))("marks what a file cannot say of %s", (_, text, rules) => {
    const described = rows(text);
    const isMarked = (name: string): boolean => /(?<!\()_code_/.test(described.get(name) ?? "");
    const wrong = Object.entries(rules).filter(
      ([name, { file }]) => name !== "name" && isMarked(name) !== (file === undefined),
    );
    expect(wrong.map(([name]) => name)).toEqual([]);
  });

  test("lists each error code of the sources, and none beside", () => {
    // The others are Node's own, which the sources look for.
    const ours = /"(ERR_(?:CIRCUIT|PROBE|RATE_LIMIT|SHUTDOWN|HEALTH|HEARTBEAT|WATCHDOG|CONFIG)[A-Z_]*)"/g;
    const codes = new Set([...sources.matchAll(ours)].map(([, code]) => code));
    expect(new Set(rows(chapter("All error codes")).keys())).toEqual(codes);
  });

  test("lists each warning of the sources, and none beside", () => {
    const codes = new Set([...sources.matchAll(/"(KSTLIB_[A-Z_]+)"/g)].map(([, code]) => code));
    // Variables of the environment.
    for (const variable of ["KSTLIB_CONFIG", "KSTLIB_SUPERVISED"]) codes.delete(variable);
    expect(new Set(rows(chapter("Warnings")).keys())).toEqual(codes);
  });
});
