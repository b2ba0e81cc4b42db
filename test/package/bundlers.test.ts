import fs from "node:fs";
import path from "node:path";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import * as esbuild from "esbuild";
import { rollup } from "rollup";
import { build as vite } from "vite";
import { describe, expect, test, type TestContext } from "vitest";
import webpack from "webpack";
import { elsewhere } from "./elsewhere.js";
import { expectBothThreads, FREEZES } from "./frozen-program.js";
import { type Program, Project } from "./project.js";

const IMPORTS = `import { GracefulShutdown, Watchdog } from "@kstlib/resilience";`;
const REQUIRES = `const { GracefulShutdown, Watchdog } = require("@kstlib/resilience");`;

/** For those who look for it. */
const CONFIGURATION = "resilience:\n  rate_limiter: { rate: 7 }\n";

type Format = "esm" | "cjs";
/** Makes one file of a program. */
type Bundle = (entry: string, outfile: string, format: Format, project: Project) => Promise<unknown>;

const byEsbuild =
  (options: esbuild.BuildOptions = {}): Bundle =>
  (entry, outfile, format) =>
    esbuild.build({
      entryPoints: [entry],
      outfile,
      format,
      bundle: true,
      platform: "node",
      logLevel: "error",
      ...options,
    });

const byRollup: Bundle = async (input, file, format) => {
  const plugins = [nodeResolve({ preferBuiltins: true })];
  const bundle = await rollup({ input, plugins, external: /^node:/ });
  await bundle.write({ file, format, inlineDynamicImports: true });
};

const byWebpack: Bundle = async (entry, outfile, format, { folder }) => {
  const isModule = format === "esm";
  const compiler = webpack({
    context: folder,
    entry,
    target: "node20",
    // What is minified has lost the names of its functions.
    mode: "production",
    experiments: { outputModule: isModule },
    output: { path: path.dirname(outfile), filename: path.basename(outfile), module: isModule },
  });
  const problems = await new Promise<string>((resolve, reject) => {
    compiler?.run((error, stats) => {
      if (error !== null) reject(error);
      else resolve(stats?.hasErrors() === true ? stats.toString("errors-only") : "");
    });
  });
  expect(problems).toBe("");
};

const byVite: Bundle = (entry, outfile, format, { folder }) =>
  vite({
    root: folder,
    configFile: false,
    logLevel: "error",
    ssr: { noExternal: true },
    build: {
      ssr: entry,
      outDir: path.dirname(outfile),
      emptyOutDir: false,
      rollupOptions: {
        output: { format: format === "esm" ? "es" : "cjs", entryFileNames: path.basename(outfile) },
      },
    },
  });

/** Makes one file of a program and starts it where there is nothing else. */
async function startBundled(
  text: string,
  bundle: Bundle,
  format: Format,
  entry: string,
  context: TestContext,
): Promise<Program> {
  const project = new Project(context.onTestFinished);
  project.write(entry, text);
  const folder = elsewhere(context.onTestFinished);
  fs.writeFileSync(path.join(folder, "kstlib.conf.yml"), CONFIGURATION);
  const file = format === "esm" ? "app.mjs" : "app.cjs";
  await bundle(project.path(entry), path.join(folder, file), format, project);
  expect(fs.readdirSync(folder).toSorted()).toEqual([file, "kstlib.conf.yml"]);
  return project.startIn(folder, process.execPath, [file]);
}

/** For Node itself, not for bundlers: some settings have them take these files of the package. */
const FOR_NODE = { conditions: [] };

describe.concurrent("one file with the package inside, run from elsewhere, keeps the monitor and the deadline", () => {
  test.for<[string, Format, Bundle, string?, string?]>([
    ["esbuild", "esm", byEsbuild()],
    ["esbuild", "cjs", byEsbuild()],
    ["esbuild, minified", "esm", byEsbuild({ minify: true })],
    [
      "esbuild from TypeScript, with names kept",
      "cjs",
      byEsbuild({ keepNames: true, target: "es2020" }),
      "app.ts",
    ],
    ["esbuild from the files for Node", "esm", byEsbuild(FOR_NODE)],
    ["esbuild from the files for Node", "cjs", byEsbuild(FOR_NODE), "app.cjs", REQUIRES],
    ["Rollup", "esm", byRollup],
    ["Rollup", "cjs", byRollup],
    ["webpack", "esm", byWebpack],
    ["webpack", "cjs", byWebpack],
    ["Vite for servers", "esm", byVite],
    ["Vite for servers", "cjs", byVite],
  ])("%s, as %s", async ([, format, bundle, entry = "app.mjs", head = IMPORTS], context) => {
    await expectBothThreads(await startBundled(head + FREEZES, bundle, format, entry, context));
  });
});

describe.concurrent("one file with the reader of the configuration inside", () => {
  const SHOWS = `console.log(JSON.stringify(new RateLimiter({ name: "api" }).snapshot()));`;
  // The parser is a CommonJS package, whose `require` esbuild leaves to the program.
  const js = `import { createRequire } from "node:module"; const require = createRequire(import.meta.url);`;
  test.for<[string, Format, Bundle]>([
    ["esbuild with a require", "esm", byEsbuild({ banner: { js } })],
    ["esbuild", "cjs", byEsbuild()],
    ["webpack", "esm", byWebpack],
    ["Vite for servers", "esm", byVite],
  ])("%s, as %s, takes what it finds where it is started", async ([, format, bundle], context) => {
    const text = `import "@kstlib/resilience/auto";import { RateLimiter } from "@kstlib/resilience";${SHOWS}`;
    const program = await startBundled(text, bundle, format, "app.mjs", context);
    const code = await program.end();
    expect(code, program.printed).toBe(0);
    expect(program.stdout).toContain('"rate":7');
  });
});
