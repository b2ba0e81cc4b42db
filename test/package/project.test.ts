import fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { npm, Project } from "./project.js";

const SAYS = "console.log(new CircuitBreaker({ name: 'a' }).state)";

test.each([
  ["an ES module", "app.mjs", `import { CircuitBreaker } from "@kstlib/resilience";`],
  ["a CommonJS module", "app.cjs", `const { CircuitBreaker } = require("@kstlib/resilience");`],
])("a component shows its state when printed, in %s", async (_kind, file, imports) => {
  const project = new Project();
  project.write(
    file,
    `${imports} const breaker = new CircuitBreaker({ name: "a" }); console.log(breaker); console.log(JSON.stringify(breaker));`,
  );
  const printed = await project.run(process.execPath, [file]);
  expect(printed).toMatch(
    /^CircuitBreaker \{\n {2}kind: 'circuit-breaker',\n {2}name: 'a',\n {2}state: 'closed'/,
  );
  expect(printed).toContain('{"kind":"circuit-breaker","name":"a","state":"closed"');
});

test.each([
  ["an ES module", "app.mjs", `import { CircuitBreaker } from "@kstlib/resilience"; ${SAYS}`],
  ["a CommonJS module", "app.cjs", `const { CircuitBreaker } = require("@kstlib/resilience"); ${SAYS}`],
])("the packed package runs in a separate project as %s", async (_kind, file, text) => {
  const project = new Project();
  project.write(file, text);
  expect(await project.run(process.execPath, [file])).toBe("closed\n");
});

test.each([
  ["an ES module", "app.mjs", `import * as library from "@kstlib/resilience"; import util from "node:util";`],
  [
    "a CommonJS module",
    "app.cjs",
    `const library = require("@kstlib/resilience"), util = require("node:util");`,
  ],
])("names are those of the sources, in stacks too, in %s", async (_kind, file, imports) => {
  const project = new Project();
  project.write(
    file,
    `${imports}
    const { CircuitBreaker, CircuitOpenError, RateLimiter, ResilienceError } = library;
    const classes = Object.entries(library).filter(([, value]) => /^class/.test(String(value)));
    const functions = Object.entries(library).filter(([, value]) => typeof value === "function");
    const breaker = new CircuitBreaker({ name: "a", maxFailures: 1 });
    const attempt = () => { try { breaker.callSync(() => { throw new Error("down"); }); } catch (error) { return error; } };
    const [failure, refusal] = [attempt(), attempt()];
    console.log(JSON.stringify({
      renamed: functions.filter(([name, value]) => value.name !== name).map(([name]) => name),
      classes: classes.length,
      refusal: [refusal.name, refusal.constructor.name, util.inspect(refusal).split("\\n")[0]],
      shown: util.inspect(breaker).split("\\n")[0],
      failedIn: failure.stack,
      widest: Math.max(...refusal.stack.split("\\n").flatMap((line) => /:(\\d+)\\)?$/.exec(line)?.[1] ?? [])),
    }));`,
  );
  const told = JSON.parse(await project.run(process.execPath, [file])) as Record<string, unknown>;
  expect(told).toMatchObject({
    renamed: [],
    refusal: ["CircuitOpenError", "CircuitOpenError", expect.stringMatching(/^CircuitOpenError: /)],
    shown: "CircuitBreaker {",
    failedIn: expect.stringMatching(/at CircuitBreaker\.callSync \(.*circuit-breaker\.js:\d+:\d+\)/),
  });
  expect(told["classes"]).toBeGreaterThan(10);
  // Node prints the line that an error was thrown from.
  expect(told["widest"]).toBeLessThan(400);
});

test("the packed package has no sources, no source maps and each type once", () => {
  const folder = new Project().path("node_modules/@kstlib/resilience");
  const files = fs
    .readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/"));
  expect(files).toContain("dist/cjs/circuit-breaker/circuit-breaker.d.ts");
  expect(files.filter((file) => /\.map$|(?<!\.d)\.[cm]?ts$/.test(file))).toEqual([]);
  // Those of the ESM entries name the others.
  const esm = files.filter((file) => file.endsWith(".d.ts") && !file.startsWith("dist/cjs/"));
  expect(esm.length).toBeGreaterThan(0);
  for (const file of esm) {
    expect(fs.readFileSync(path.join(folder, file), "utf8")).toMatch(
      /^export \* from "[./]+\/cjs\/[\w/-]+\.js";\n$/,
    );
  }
});

test("the package is at most 775 kB to download", () => {
  const root = path.resolve(import.meta.dirname, "../..");
  const [{ size } = { size: Infinity }] = JSON.parse(
    npm(["pack", "--dry-run", "--json", "--ignore-scripts"], root),
  ) as { readonly size: number }[];
  expect(size / 1000).toBeLessThanOrEqual(775);
});
