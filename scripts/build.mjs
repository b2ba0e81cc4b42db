// Builds dist/ (ESM and types) and its CommonJS twin dist/cjs/, a file at a time, so that worker URLs keep working.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { build } from "esbuild";

fs.rmSync("dist", { recursive: true, force: true });
execFileSync(process.execPath, ["node_modules/@typescript/native/bin/tsc", "-p", "tsconfig.build.json"], {
  stdio: "inherit",
});

const files = fs.readdirSync("dist", { recursive: true }).map(String);
await build({
  entryPoints: files.filter((file) => file.endsWith(".js")).map((file) => `dist/${file}`),
  outdir: "dist/cjs",
  outbase: "dist",
  format: "cjs",
  platform: "node",
  target: "node20",
  sourcemap: true,
  define: { "import.meta.url": "__url" },
  banner: { js: 'const __url = require("node:url").pathToFileURL(__filename).href;' },
});
for (const file of files.filter((name) => name.endsWith(".d.ts"))) {
  fs.mkdirSync(path.dirname(`dist/cjs/${file}`), { recursive: true });
  fs.copyFileSync(`dist/${file}`, `dist/cjs/${file}`);
}
fs.writeFileSync("dist/cjs/package.json", '{"type":"commonjs"}\n');
