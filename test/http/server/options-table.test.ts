import fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { rateLimitRules } from "../../../src/http/server/options.js";
import { shedLoadRules } from "../../../src/http/server/shedding.js";

const page = fs.readFileSync(path.resolve(import.meta.dirname, "../../../docs/http-server.md"), "utf8");

test("docs/http-server.md has each option of rateLimit with its default, and names those of shedLoad", () => {
  const rows = new Map(
    [...page.matchAll(/^\| `(\w+)` +\|([^|]*)\|/gm)].map(([, name = "", byDefault = ""]) => [
      name,
      byDefault,
    ]),
  );
  const wrong = Object.entries(rateLimitRules).filter(([name, { fallback }]) => {
    const byDefault = rows.get(name);
    const isPlain = typeof fallback === "number" || typeof fallback === "string";
    return byDefault === undefined || (isPlain && !byDefault.replaceAll(",", "").includes(String(fallback)));
  });
  expect(wrong.map(([name]) => name)).toEqual([]);
  expect(Object.keys(shedLoadRules).filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});

test("each test that the table of the draft names is there", () => {
  const [, table = ""] = page.split("| The draft");
  const named = [...(table.split("\n\n")[0] ?? "").matchAll(/"([^"…]+)…?"/g)].map(([, title = ""]) => title);
  const tests = fs
    .readdirSync(import.meta.dirname)
    .map((file) => fs.readFileSync(path.join(import.meta.dirname, file), "utf8"))
    .join("\n");
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((title) => !tests.includes(title) && !title.startsWith("writes the fields"))).toEqual(
    [],
  );
});
