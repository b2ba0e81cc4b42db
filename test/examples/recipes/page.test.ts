import fs from "node:fs";
import path from "node:path";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { CircuitBreaker, isRefusal } from "../../../src/index.js";
import { root } from "./recipe.js";

const folder = path.join(root, "examples/recipes");
const files = fs
  .readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((file) => /\.m?js$/.test(file))
  .map((file) => file.replaceAll("\\", "/"));

describe("the page of recipes", () => {
  const page = fs.readFileSync(path.join(root, "docs/recipes.md"), "utf8");
  const programs = [...page.matchAll(/^```js no-check: .*\n([^]*?)^```$/gm)].map(([, program]) => program);

  test("shows each program as it stands, and no other", () => {
    const texts = files.map((file) => fs.readFileSync(path.join(folder, file), "utf8"));
    expect(programs.toSorted()).toEqual(texts.toSorted());
  });

  test("has none of more than 40 lines", () => {
    const lines = new Map<string, number>();
    for (const file of files) {
      const [recipe = ""] = file.split("/");
      const own = fs.readFileSync(path.join(folder, file), "utf8").trimEnd().split("\n").length;
      lines.set(recipe, (lines.get(recipe) ?? 0) + own);
    }
    expect(lines.size).toBe(9);
    for (const [recipe, count] of lines) expect(count, recipe).toBeLessThanOrEqual(40);
  });

  test("sends a finite wait for a refusal that knows none, such as that of an isolated circuit", async () => {
    const breaker = new CircuitBreaker();
    breaker.isolate();
    const error: unknown = await breaker.call(() => 1).catch((reason: unknown) => reason);
    const waits = programs.join("\n").match(/^.*Math\.ceil\(.*$/gm) ?? [];
    expect(waits).toHaveLength(6);
    for (const line of waits) {
      const [, expression = ""] = /(?:seconds = (?=is)|rateLimit(?=\())(.*);$/.exec(line) ?? [];
      const sent: unknown = runInNewContext(expression, { error, isRefusal });
      expect(sent, line).toBeOneOf([60, 60_000]);
    }
  });
});
