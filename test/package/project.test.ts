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
