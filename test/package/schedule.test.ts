import path from "node:path";
import * as esbuild from "esbuild";
import { beforeAll, describe, expect, test } from "vitest";
import { Project } from "./project.js";

const program = (imports: string): string => `${imports}
const trigger = new TimeTrigger("1d", { timezone: "Europe/Paris", offset: "9h" });
trigger.onBoundary(() => {});
console.log(trigger.nextBoundary(Date.UTC(2026, 2, 28, 12)).toISOString());
`;
const ESM = `import { TimeTrigger } from "@kstlib/resilience/schedule";`;
const CJS = `const { TimeTrigger } = require("@kstlib/resilience/schedule");`;

let project: Project;
beforeAll(() => {
  project = new Project();
});

describe("the packed package finds a boundary", () => {
  const run = (file: string): Promise<string> => project.run(process.execPath, [project.path(file)]);
  const expected = "2026-03-29T07:00:00.000Z\n";

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
