import { expect, test } from "vitest";
import { Project } from "./project.js";

const SAYS = "console.log(new CircuitBreaker({ name: 'a' }).state)";

test.each([
  ["an ES module", "app.mjs", `import { CircuitBreaker } from "@kstlib/resilience"; ${SAYS}`],
  ["a CommonJS module", "app.cjs", `const { CircuitBreaker } = require("@kstlib/resilience"); ${SAYS}`],
])("the packed package runs in a project of its own as %s", async (_kind, file, text) => {
  const project = new Project();
  project.write(file, text);
  expect(await project.run(process.execPath, [file])).toBe("closed\n");
});
