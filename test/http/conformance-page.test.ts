import fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const page = fs.readFileSync(path.join(root, "docs/http-conformance.md"), "utf8");
const tests = fs
  .readdirSync(path.join(root, "test/http"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => fs.readFileSync(path.join(root, "test/http", name), "utf8"))
  .join("\n");

test("each requirement of the page names a test that exists, or says why there is none", () => {
  const rows = page.split("\n").filter((line) => /^\| \d/.test(line));
  const cells = rows.map((row) => row.split("|").map((cell) => cell.trim()));
  expect(cells.filter(([, , level = ""]) => !/^(MUST|SHOULD|REQUIRED)( NOT)?$/.test(level))).toEqual([]);
  expect(cells.filter(([, , , , , ...rest]) => rest.length !== 1)).toEqual([]);
  const unnamed = cells.filter(([, , , , by = ""]) => !/"|^by \[|see section/.test(by));
  expect(unnamed).toEqual([]);
  const titles = [...page.replaceAll(/\s+/g, " ").matchAll(/"([^"]+)"/g)].map(([, title = ""]) => title);
  // Not titles, but values.
  const known = new Set(["requests"]);
  expect(titles.filter((title) => !known.has(title) && !tests.includes(`"${title}"`))).toEqual([]);
  expect(rows.length).toBeGreaterThan(25);
});
