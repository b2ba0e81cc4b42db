// Builds dist/ by the compiler: types, and a module for each source, of which a bundler takes what is used.
// Then, for Node itself, dist/node/ (ESM) and dist/cjs/: one file an entry, because each module costs start-up time.
// What two entries share stands in both: state that must be one in a process is kept under registered symbols.
// Everything is made beside it and put in place at the end: who runs the old one meanwhile never sees half of it.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { toJsonSchema } from "@valibot/to-json-schema";
import { build } from "esbuild";
import { root, sourceStamp } from "./setup.mjs";

process.chdir(root);
const stamp = sourceStamp();
const out = `dist-${process.pid}`;

async function main() {
  const tsc = ["node_modules/@typescript/native/bin/tsc", "-p", "tsconfig.build.json", "--outDir", out];
  const { status } = spawnSync(process.execPath, tsc, { stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0) return 1;
  // A program, which nobody imports.
  fs.rmSync(path.join(out, "cli"), { recursive: true });
  const types = fs
    .readdirSync(out, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith(".d.ts"));

  const node = path.join(out, "node");
  await build({
    ...common,
    entryPoints: { ...entries(), ...workers() },
    outdir: node,
    bundle: true,
    packages: "external",
    format: "esm",
  });
  await build({
    ...common,
    entryPoints: fs
      .readdirSync(node, { recursive: true })
      .map(String)
      .filter((file) => file.endsWith(".js"))
      .map((file) => path.join(node, file)),
    outdir: path.join(out, "cjs"),
    outbase: node,
    format: "cjs",
    define: { "import.meta.url": "__url" },
    banner: { js: 'const __url = require("node:url").pathToFileURL(__filename).href;' },
  });
  await buildCommandLine(node);
  for (const file of types) {
    fs.mkdirSync(path.dirname(path.join(out, "cjs", file)), { recursive: true });
    fs.copyFileSync(path.join(out, file), path.join(out, "cjs", file));
  }
  fs.writeFileSync(path.join(out, "cjs", "package.json"), '{"type":"commonjs"}\n');
  await writeSchema();
  fs.writeFileSync(path.join(out, ".stamp"), stamp);

  fs.rmSync("dist", { recursive: true, force: true });
  fs.renameSync(out, "dist");
  return 0;
}

const common = {
  platform: "node",
  target: "node20",
  sourcemap: true,
  sourcesContent: false,
  logLevel: "warning",
};

/** What package.json exports: `./dist/node/config/index.js` is made of `src/config/index.ts`. */
function entries() {
  const { exports } = JSON.parse(fs.readFileSync("package.json", "utf8"));
  const targets = Object.values(exports).flatMap((target) => target.import?.default ?? []);
  const names = targets.map((target) => target.replace(/^\.\/dist\/node\/|\.js$/g, ""));
  return Object.fromEntries(names.map((name) => [name, `src/${name}.ts`]));
}

/** The programs of worker threads, which the sources name by URL: they stand beside the code that starts them. */
function workers() {
  const found = {};
  for (const file of fs.readdirSync("src", { recursive: true }).map(String)) {
    if (!file.endsWith(".ts")) continue;
    const text = fs.readFileSync(path.join("src", file), "utf8");
    for (const [, name] of text.matchAll(/new URL\("\.\/([\w-]+)\.js", import\.meta\.url\)/g)) {
      found[name] = path.join("src", path.dirname(file), `${name}.ts`);
    }
  }
  return found;
}

/**
 * The program of package.json's `bin`, ESM alone: one file for what always runs and for `check`, which starts every
 * few seconds, and beside it the commands that are loaded when they are asked for.
 */
async function buildCommandLine(node) {
  const outdir = path.join(node, "cli");
  const options = { ...common, outdir, bundle: true, packages: "external", format: "esm", sourcemap: false };
  const lazy = [];
  const commandsStayApart = {
    name: "commands-stay-apart",
    setup(builder) {
      builder.onResolve({ filter: /^\./ }, ({ kind, path: name }) => {
        if (kind !== "dynamic-import") return undefined;
        lazy.push(name.replace(/^\.\/|\.js$/g, ""));
        return { path: name, external: true };
      });
    },
  };
  await build({ ...options, entryPoints: ["src/cli/main.ts"], plugins: [commandsStayApart] });
  const entryPoints = Object.fromEntries(lazy.map((name) => [name, `src/cli/${name}.ts`]));
  await build({ ...options, entryPoints, splitting: true, chunkNames: "shared/[hash]" });
  fs.chmodSync(path.join(outdir, "main.js"), 0o755);
}

/** The JSON Schema of the configuration file, made from the schema that validates it. */
async function writeSchema() {
  const bundled = path.resolve(out, "schema-to-write.js");
  await build({
    ...common,
    entryPoints: ["src/config/schema.ts"],
    outfile: bundled,
    bundle: true,
    packages: "external",
    format: "esm",
    sourcemap: false,
  });
  const { fileSchema } = await import(pathToFileURL(bundled).href);
  fs.rmSync(bundled);
  // Checks by functions have no JSON form; "output" starts after the guard that keeps arrays out.
  const schema = toJsonSchema(fileSchema, { errorMode: "ignore", typeMode: "output" });
  const titled = {
    ...schema,
    title: "kstlib.conf.yml",
    description: "The configuration of @kstlib/resilience.",
  };
  fs.writeFileSync(path.join(out, "schema.json"), `${JSON.stringify(titled, null, 2)}\n`);
}

try {
  process.exitCode = await main();
} finally {
  fs.rmSync(out, { recursive: true, force: true });
}
