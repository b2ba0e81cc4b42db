// Builds dist/: ESM, for Node and bundlers alike; the same as CommonJS in dist/cjs/; the types once, in dist/cjs/, which
// those of the ESM entries re-export.
// Each folder of the sources becomes one file, shared by all entries. So a class is the same whichever entry it is
// imported from, a program that imports one pattern loads no other, and Node does not load 150 small modules.
// The build runs in a temporary folder that replaces dist/ at the end, so that dist/ is never incomplete.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { bundle, chunkOf, nameOf } from "./bundle.mjs";
import { entryModules } from "./entries.mjs";
import { root, sourceStamp } from "./setup.mjs";

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

  const entries = entryModules();
  const commands = await bundleProgram("cli/main");
  await bundle([...entries, ...commands], { format: "es", dir: out, manualChunks: chunkOf });
  await bundle(entries, { format: "cjs", dir: cjs, manualChunks: chunkOf });
  write(path.join(cjs, "package.json"), '{"type":"commonjs"}\n');
  await writeSchema();
  fs.writeFileSync(path.join(out, ".stamp"), stamp);

  fs.rmSync("dist", { recursive: true, force: true });
  fs.renameSync(out, "dist");
  return 0;
}

/**
 * Bundles the program of package.json's `bin`, as ESM only. What always runs, and `check`, which is started every few
 * seconds, are one file. Returns the names of the other commands, which it loads on demand.
 */
async function bundleProgram(name) {
  const commands = [];
  const commandsStayApart = {
    name: "commands-stay-apart",
    resolveDynamicImport(specifier, importer) {
      if (!specifier.startsWith(".")) return null;
      commands.push(nameOf(path.resolve(path.dirname(importer), specifier)).replace(/\.js$/, ""));
      return { id: specifier, external: true };
    },
  };
  await bundle([name], { format: "es", dir: out }, [commandsStayApart]);
  fs.chmodSync(path.join(out, `${name}.js`), 0o755);
  return commands;
}

function write(file, text) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
}

/** Copies the types that the entries need to dist/cjs/; those of the ESM entries re-export them. */
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
  for (const name of entryModules()) {
    copy(`${name}.d.ts`);
    const up = "../".repeat(name.split("/").length - 1) || "./";
    write(path.join(out, `${name}.d.ts`), `export * from "${up}cjs/${name}.js";\n`);
  }
  fs.rmSync(from, { recursive: true });
}

/** The JSON Schema of the configuration file, made from the rules that check it. */
async function writeSchema() {
  const bundled = path.resolve(out, "schema-to-write.js");
  await build({
    entryPoints: ["src/config/schema.ts"],
    outfile: bundled,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
  });
  const { configSchema } = await import(pathToFileURL(bundled).href);
  fs.rmSync(bundled);
  // On one line, as only programs read it.
  fs.writeFileSync(path.join(out, "schema.json"), `${JSON.stringify(configSchema())}\n`);
}

try {
  process.exitCode = await main();
} finally {
  fs.rmSync(out, { recursive: true, force: true });
}
