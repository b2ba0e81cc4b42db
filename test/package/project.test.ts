import fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { Project } from "./project.js";

const SAYS = "console.log(new CircuitBreaker({ name: 'a' }).state)";

test.each([
  ["an ES module", "app.mjs", `import { CircuitBreaker } from "@kstlib/resilience";`],
  ["a CommonJS module", "app.cjs", `const { CircuitBreaker } = require("@kstlib/resilience");`],
])("a component shows its state when it is printed, in %s", async (_kind, file, imports) => {
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
])("the packed package runs in a project of its own as %s", async (_kind, file, text) => {
  const project = new Project();
  project.write(file, text);
  expect(await project.run(process.execPath, [file])).toBe("closed\n");
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
      /^export \* from "[./]+\/cjs\/[\w/]+\.js";\n$/,
    );
  }
});
