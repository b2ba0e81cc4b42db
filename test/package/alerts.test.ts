import path from "node:path";
import * as esbuild from "esbuild";
import { beforeAll, describe, expect, test } from "vitest";
import { Project } from "./project.js";

const program = (imports: string): string => `${imports}
const told = [];
const alerts = new AlertManager({ channels: [{ name: "ops", deliver: async ({ title }) => void told.push(title) }] });
alerts.addChannel(new ConsoleChannel({ console: { ...console, warn: (line) => told.push(line.includes("silent")) } }));
alerts
  .send({ title: "the feed is silent", level: "warning", key: "feed" })
  .then(() => alerts.close())
  .then(() => console.log(told.join()));
`;
const ESM = `import { AlertManager, ConsoleChannel } from "@kstlib/resilience/alerts";`;
const CJS = `const { AlertManager, ConsoleChannel } = require("@kstlib/resilience/alerts");`;

let project: Project;
beforeAll(() => {
  project = new Project();
});

describe("the packed package sends an alert", () => {
  const run = (file: string): Promise<string> => project.run(process.execPath, [project.path(file)]);
  const expected = "the feed is silent,true\n";

  test.each([
    ["an ES module", "app.mjs", ESM],
    ["CommonJS", "app.cjs", CJS],
  ])("in %s, which ends by itself", async (_format, file, imports) => {
    project.write(file, program(imports));
    expect(await run(file)).toBe(expected);
  });

  test.each(["esm", "cjs"] as const)("bundled as %s", async (format) => {
    const entry = project.write(`entry-${format}.mjs`, program(ESM));
    const file = `bundle-${format}.${format === "esm" ? "mjs" : "cjs"}`;
    await esbuild.build({
      entryPoints: [entry],
      outfile: path.join(project.folder, file),
      bundle: true,
      platform: "node",
      format,
      logLevel: "error",
    });
    expect(await run(file)).toBe(expected);
  });
});
