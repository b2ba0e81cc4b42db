// Builds dist/: a module for each source, of which a bundler takes what is used; for Node itself dist/node/ (ESM) and
// dist/cjs/, one file an entry, because each module costs start-up time; the types once, in dist/cjs/, from where ESM
// may take them, too. No source maps: what is built is as readable as the sources.
// What two entries share stands in both: state that must be one in a process is kept under registered symbols.
// Everything is made beside it and put in place at the end: who runs the old one meanwhile never sees half of it.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { root, sourceStamp } from "./setup.mjs";
import { threadProgramsOfBuild } from "./thread-programs.mjs";

process.chdir(root);
const stamp = sourceStamp();
const out = `dist-${process.pid}`;

async function main() {
  const cjs = path.join(out, "cjs");
  const types = path.join(out, "types");
  const tsc = ["node_modules/@typescript/native/bin/tsc", "-p", "tsconfig.build.json", "--outDir", types];
  const { status } = spawnSync(process.execPath, tsc, { stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0) return 1;
  placeTypes(types, cjs);

  const node = path.join(out, "node");
  const entryPoints = entries();
  const plugins = [...common.plugins, autoNamesOtherEntries];
  const bundled = { ...common, plugins, bundle: true, metafile: true };
  const { metafile } = await build({ ...bundled, entryPoints, outdir: node });
  const sources = Object.keys(metafile.inputs);
  await build({ ...common, entryPoints: sources, outdir: out, outbase: "src" });
  await build({
    ...common,
    entryPoints: filesUnder(node, ".js").map((file) => path.join(node, file)),
    outdir: cjs,
    outbase: node,
    format: "cjs",
  });
  await buildCommandLine(node);
  write(path.join(cjs, "package.json"), '{"type":"commonjs"}\n');
  await writeSchema();
  fs.writeFileSync(path.join(out, ".stamp"), stamp);

  fs.rmSync("dist", { recursive: true, force: true });
  fs.renameSync(out, "dist");
  return 0;
}

const common = {
  platform: "node",
  target: "node20",
  format: "esm",
  packages: "external",
  plugins: [threadProgramsOfBuild],
  logLevel: "warning",
};

/** `./auto` is nothing but two calls of what other entries export: it does not hold that once more. */
const autoNamesOtherEntries = {
  name: "auto-names-other-entries",
  setup(builder) {
    const others = { "./config/load.js": "./config/index.js", "./configure.js": "./index.js" };
    builder.onResolve({ filter: /^\.\// }, ({ importer, path: name }) => {
      const isAuto = path.relative("src", importer) === "auto.ts";
      return isAuto && name in others ? { path: others[name], external: true } : undefined;
    });
  },
};

function write(file, text) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
}

function filesUnder(folder, ending) {
  const files = fs.readdirSync(folder, { recursive: true }).map(String);
  return files.filter((file) => file.endsWith(ending));
}

/** What package.json exports: `./dist/node/config/index.js` is made of `src/config/index.ts`. */
function entries() {
  const { exports } = JSON.parse(fs.readFileSync("package.json", "utf8"));
  const targets = Object.values(exports).flatMap((target) => target.import?.default ?? []);
  const names = targets.map((target) => target.replace(/^\.\/dist\/node\/|\.js$/g, ""));
  return Object.fromEntries(names.map((name) => [name, `src/${name}.ts`]));
}

/** Takes the types that the entries lead to, for CommonJS; the ESM entries name them. */
function placeTypes(from, cjs) {
  const copy = (name) => {
    const target = path.join(cjs, name);
    if (fs.existsSync(target)) return;
    const text = fs.readFileSync(path.join(from, name), "utf8");
    write(target, text);
    for (const [, found] of text.matchAll(/\b(?:from |import\()"(\.[^"]+)\.js"/g)) {
      copy(path.join(path.dirname(name), `${found}.d.ts`));
    }
  };
  for (const name of Object.keys(entries())) {
    copy(`${name}.d.ts`);
    const up = "../".repeat(name.split("/").length - 1) || "./";
    write(path.join(out, `${name}.d.ts`), `export * from "${up}cjs/${name}.js";\n`);
  }
  fs.rmSync(from, { recursive: true });
}

/**
 * The program of package.json's `bin`, ESM alone: one file for what always runs and for `check`, which starts every
 * few seconds, and beside it the commands that are loaded when they are asked for.
 */
async function buildCommandLine(node) {
  const outdir = path.join(node, "cli");
  const options = { ...common, outdir, bundle: true };
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
  await build({
    ...options,
    entryPoints: ["src/cli/main.ts"],
    plugins: [...common.plugins, commandsStayApart],
  });
  const entryPoints = Object.fromEntries(lazy.map((name) => [name, `src/cli/${name}.ts`]));
  await build({ ...options, entryPoints, splitting: true, chunkNames: "shared/[hash]" });
  fs.chmodSync(path.join(outdir, "main.js"), 0o755);
}

/** The JSON Schema of the configuration file, made from the rules that check it. */
async function writeSchema() {
  const bundled = path.resolve(out, "schema-to-write.js");
  await build({ ...common, entryPoints: ["src/config/schema.ts"], outfile: bundled, bundle: true });
  const { configSchema } = await import(pathToFileURL(bundled).href);
  fs.rmSync(bundled);
  fs.writeFileSync(path.join(out, "schema.json"), `${JSON.stringify(configSchema(), null, 2)}\n`);
}

try {
  process.exitCode = await main();
} finally {
  fs.rmSync(out, { recursive: true, force: true });
}
