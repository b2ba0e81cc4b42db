import path from "node:path";
import * as esbuild from "esbuild";
import { beforeAll, describe, expect, test } from "vitest";
import { Project } from "./project.js";

/** A program of a user, and what it prints. */
interface PackedProgram {
  /** What it imports, and from which entry: `{ TimeTrigger }` of `schedule`. */
  readonly names: string;
  readonly entry: string;
  readonly body: string;
  readonly expected: string;
}

/** Tests that a program does so with the packed package, as ESM, as CommonJS and bundled as both. */
export function describePacked(what: string, { names, entry, body, expected }: PackedProgram): void {
  const from = `"@kstlib/resilience/${entry}"`;
  const esm = `import ${names} from ${from};\n${body}`;
  const cjs = `const ${names} = require(${from});\n${body}`;
  let project: Project;
  beforeAll(() => {
    project = new Project();
  });

  describe(`the packed package ${what}`, () => {
    const run = (file: string): Promise<string> => project.run(process.execPath, [project.path(file)]);

    test.each([
      ["an ES module", "app.mjs", esm],
      ["CommonJS", "app.cjs", cjs],
    ])("in %s, which ends by itself", async (_format, file, program) => {
      project.write(file, program);
      expect(await run(file)).toBe(expected);
    });

    test.each(["esm", "cjs"] as const)("bundled as %s", async (format) => {
      const file = `bundle-${format}.${format === "esm" ? "mjs" : "cjs"}`;
      await esbuild.build({
        entryPoints: [project.write(`entry-${format}.mjs`, esm)],
        outfile: path.join(project.folder, file),
        bundle: true,
        platform: "node",
        format,
        logLevel: "error",
      });
      expect(await run(file)).toBe(expected);
    });
  });
}
