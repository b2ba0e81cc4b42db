// Extracts ```ts / ```js fences from Markdown and from JSDoc @example, type-checks and runs them.
import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

const out = ".cache/examples";
fs.rmSync(out, { recursive: true, force: true });
fs.mkdirSync(out, { recursive: true });
const walk = (d, re) =>
  fs
    .readdirSync(d, { recursive: true })
    .map(String)
    .filter((f) => re.test(f))
    .map((f) => path.join(d, f));
const files = ["README.md", ...walk("src", /\.ts$/)];
let n = 0;
const made = [];
for (const file of files) {
  const text = fs.readFileSync(file, "utf8");
  for (const m of text.matchAll(
    /^([ \t]*\*?[ \t]*)```(ts|js)(?<flags>[^\n]*)\n([\s\S]*?)^[ \t]*\*?[ \t]*```/gm,
  )) {
    if (m.groups.flags.includes("no-check")) continue;
    const line = text.slice(0, m.index).split("\n").length;
    const code = m[4].replace(/^[ \t]*\*[ ]?/gm, "");
    const ext = m[2] === "ts" ? "mts" : "cjs";
    const name = path.join(out, `${path.basename(file, path.extname(file))}_L${line}.${ext}`);
    fs.writeFileSync(name, `// ${file}:${line}\n${code}${ext === "mts" ? "\nexport {};\n" : ""}`);
    made.push({ name, file, line });
    n++;
  }
}
fs.writeFileSync(
  path.join(out, "tsconfig.json"),
  JSON.stringify({
    extends: "../../tsconfig.json",
    compilerOptions: {
      noEmit: false,
      isolatedDeclarations: false,
      declaration: false,
      noUnusedLocals: false,
      outDir: "js",
      rootDir: ".",
    },
    include: ["*.mts"],
  }),
);
execFileSync(process.execPath, ["node_modules/@typescript/native/bin/tsc", "-p", out], { stdio: "inherit" });
let bad = 0;
for (const e of made) {
  const js = e.name.endsWith(".mts")
    ? path.join(out, "js", path.basename(e.name).replace(/\.mts$/, ".mjs"))
    : e.name;
  const r = spawnSync(process.execPath, [js], { encoding: "utf8", timeout: 20_000 });
  if (r.status !== 0) {
    bad++;
    console.error(`FAIL ${e.file}:${e.line}\n${r.stderr}`);
  }
}
console.log(`examples: ${n - bad} of ${n} ran`);
process.exit(bad ? 1 : 0);
