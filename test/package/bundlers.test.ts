import fs from "node:fs";
import path from "node:path";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import * as esbuild from "esbuild";
import { rollup } from "rollup";
import { build as vite } from "vite";
import { describe, expect, test } from "vitest";
import webpack from "webpack";
import { elsewhere } from "./elsewhere.js";
import { FREEZES, HELD, outcomeOf } from "./frozen-program.js";
import { Project } from "./project.js";

const IMPORTS = `import { GracefulShutdown, Watchdog } from "@kstlib/resilience";`;
const REQUIRES = `const { GracefulShutdown, Watchdog } = require("@kstlib/resilience");`;

const FORMATS = ["esm", "cjs"] as const;
type Format = (typeof FORMATS)[number];
const FILES = { esm: "app.mjs", cjs: "app.cjs" } as const;

/** Makes one file of a program for each of the formats, in a folder. */
type Bundle = (entry: string, outdir: string, formats: readonly Format[]) => Promise<unknown>;

const byEsbuild =
  (options: esbuild.BuildOptions = {}): Bundle =>
  (entry, outdir, formats) =>
    Promise.all(
      formats.map((format) =>
        esbuild.build({
          entryPoints: [entry],
          outfile: path.join(outdir, FILES[format]),
          format,
          bundle: true,
          platform: "node",
          logLevel: "error",
          ...options,
        }),
      ),
    );

const byRollup: Bundle = async (input, outdir, formats) => {
  const bundle = await rollup({
    input,
    plugins: [nodeResolve({ preferBuiltins: true })],
    external: /^node:/,
  });
  for (const format of formats) await bundle.write({ format, file: path.join(outdir, FILES[format]) });
};

const byWebpack: Bundle = async (entry, outdir, formats) => {
  const configurations = formats.map((format): webpack.Configuration => {
    const isModule = format === "esm";
    return {
      context: path.dirname(entry),
      entry,
      target: "node20",
      mode: "production",
      // What is minified has lost the names of its functions.
      optimization: { minimize: !isModule },
      experiments: { outputModule: isModule },
      output: { path: outdir, filename: FILES[format], module: isModule },
    };
  });
  const problems = await new Promise<string>((resolve, reject) => {
    webpack(configurations)?.run((error, stats) => {
      if (error !== null) reject(error);
      else resolve(stats?.hasErrors() === true ? stats.toString("errors-only") : "");
    });
  });
  expect(problems).toBe("");
};

const byVite: Bundle = (entry, outdir, formats) =>
  vite({
    root: path.dirname(entry),
    configFile: false,
    logLevel: "error",
    ssr: { noExternal: true },
    build: {
      ssr: entry,
      outDir: outdir,
      emptyOutDir: false,
      rollupOptions: {
        output: formats.map((format) => ({ format, entryFileNames: FILES[format] })),
      },
    },
  });

/** Makes one file of a program for each of the formats, in a folder where there is nothing else. */
async function bundled(
  bundle: Bundle,
  [entry, text]: readonly [string, string],
  formats: readonly Format[],
): Promise<{ readonly folder: string; readonly project: Project }> {
  const project = new Project();
  const folder = elsewhere();
  await bundle(project.write(entry, text), folder, formats);
  expect(fs.readdirSync(folder).toSorted()).toEqual(formats.map((format) => FILES[format]).toSorted());
  return { folder, project };
}

const MODULE = ["app.mjs", IMPORTS + FREEZES] as const;
const TYPESCRIPT = ["app.ts", IMPORTS + FREEZES] as const;
const COMMONJS = ["app.cjs", REQUIRES + FREEZES] as const;
/** Without those of bundlers they take the files that the package has for Node itself. */
const FOR_NODE = { conditions: [] };

describe("one file with the package inside, run from another folder, keeps the monitor and the deadline", () => {
  test.each<[string, Bundle, readonly [string, string], (readonly Format[])?]>([
    ["esbuild", byEsbuild(), MODULE],
    ["esbuild, minified", byEsbuild({ minify: true }), MODULE],
    [
      "esbuild, for an older language and with names kept",
      byEsbuild({ keepNames: true, target: "es2020" }),
      TYPESCRIPT,
    ],
    ["esbuild, from the ESM for Node", byEsbuild(FOR_NODE), MODULE],
    ["esbuild, from the CommonJS for Node", byEsbuild(FOR_NODE), COMMONJS, ["cjs"]],
    ["Rollup", byRollup, MODULE],
    ["webpack", byWebpack, MODULE],
    ["Vite for servers", byVite, MODULE],
  ])("%s", async (_bundler, bundle, program, formats = FORMATS) => {
    const { folder, project } = await bundled(bundle, program, formats);
    const programs = formats.map((format) => project.startIn(folder, process.execPath, [FILES[format]]));
    expect(await Promise.all(programs.map(outcomeOf))).toEqual(formats.map(() => HELD));
  });
});

describe("a bundle holds each class once, whatever entries it was imported from", () => {
  const program = `
    import * as whole from "@kstlib/resilience";
    import { CircuitBreaker, ResilienceError } from "@kstlib/resilience/circuit-breaker";
    import { RateLimiter } from "@kstlib/resilience/rate-limiter";
    import { Watchdog } from "@kstlib/resilience/watchdog";
    const parts = { CircuitBreaker, RateLimiter, ResilienceError, Watchdog };
    console.log(Object.entries(parts).map(([name, part]) => part === whole[name]).join());`;

  test.each<[string, Bundle, Format]>([
    ["esbuild", byEsbuild(), "esm"],
    ["Rollup", byRollup, "cjs"],
    ["webpack", byWebpack, "cjs"],
    ["Vite for servers", byVite, "esm"],
  ])("%s", async (_bundler, bundle, format) => {
    const { folder, project } = await bundled(bundle, ["app.mjs", program], [format]);
    const outcome = await outcomeOf(project.startIn(folder, process.execPath, [FILES[format]]));
    expect(outcome).toEqual({ code: 0, stdout: "true,true,true,true\n", stderr: "" });
  });

  test("a program that mixes import and require gets one copy, too", async () => {
    const mixed = `
      import { RateLimiter } from "@kstlib/resilience/rate-limiter";
      console.log(require("@kstlib/resilience").RateLimiter === RateLimiter);`;
    const { folder, project } = await bundled(byEsbuild(), ["app.mjs", mixed], ["cjs"]);
    const outcome = await outcomeOf(project.startIn(folder, process.execPath, [FILES.cjs]));
    expect(outcome).toEqual({ code: 0, stdout: "true\n", stderr: "" });
  });
});

describe("one file with the reader of the configuration inside reads the file of the folder where it is started", () => {
  // The parser is a CommonJS package, whose `require` esbuild leaves to the program.
  const js = `import { createRequire } from "node:module"; const require = createRequire(import.meta.url);`;
  const shows = `
    import "@kstlib/resilience/auto";
    import { RateLimiter } from "@kstlib/resilience";
    console.log(new RateLimiter({ name: "api" }).rate);`;

  test.each<[string, Bundle, Format]>([
    ["esbuild, ESM with a require", byEsbuild({ banner: { js } }), "esm"],
    ["esbuild, CommonJS", byEsbuild(), "cjs"],
    ["webpack, ESM", byWebpack, "esm"],
    ["Vite for servers, ESM", byVite, "esm"],
  ])("%s", async (_bundler, bundle, format) => {
    const { folder, project } = await bundled(bundle, ["app.mjs", shows], [format]);
    fs.writeFileSync(path.join(folder, "kstlib.conf.yml"), "resilience: { rate_limiter: { rate: 7 } }\n");
    const program = project.startIn(folder, process.execPath, [FILES[format]]);
    expect(await outcomeOf(program)).toEqual({ code: 0, stdout: "7\n", stderr: "" });
  });
});
