// Builds dist/ (ESM and types) and its CommonJS twin dist/cjs/, a file at a time, so that worker URLs keep working.
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

  const files = fs.readdirSync(out, { recursive: true }).map(String);
  await build({
    entryPoints: files.filter((file) => file.endsWith(".js")).map((file) => path.join(out, file)),
    outdir: path.join(out, "cjs"),
    outbase: out,
    format: "cjs",
    platform: "node",
    target: "node20",
    sourcemap: true,
    define: { "import.meta.url": "__url" },
    banner: { js: 'const __url = require("node:url").pathToFileURL(__filename).href;' },
  });
  for (const file of files.filter((name) => name.endsWith(".d.ts"))) {
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

/** The JSON Schema of the configuration file, made from the schema that validates it. */
async function writeSchema() {
  const { fileSchema } = await import(pathToFileURL(path.resolve(out, "config", "schema.js")).href);
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
