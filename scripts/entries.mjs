// The entries of the package: src/index.ts, src/auto.ts and every src/*/index.ts.
// Run as a program, this writes the fields of package.json that name them; a test checks that they are up to date.
import fs from "node:fs";
import path from "node:path";
import { root } from "./setup.mjs";

/** The entry modules, relative to `src/` and without extension: `index`, `config/index`. */
export function entryModules() {
  const source = path.join(root, "src");
  const folders = fs.readdirSync(source, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const names = ["index", "auto", ...folders.map(({ name }) => `${name}/index`).toSorted()];
  return names.filter((name) => fs.existsSync(path.join(source, `${name}.ts`)));
}

const pathOf = (name) => (name === "index" ? "." : `./${name.replace(/\/index$/, "")}`);

function conditionsOf(name) {
  const esm = { types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` };
  const cjs = { types: `./dist/cjs/${name}.d.ts`, default: `./dist/cjs/${name}.js` };
  // "module" gives bundlers the same copy for `import` and `require`.
  return { module: esm, import: esm, require: cjs };
}

/** The fields of package.json that name the entries. */
export function entryFields() {
  const names = entryModules();
  const others = names.filter((name) => name !== "index");
  const files = { "./schema.json": "./dist/schema.json", "./package.json": "./package.json" };
  const typesOf = (name) => [pathOf(name).slice(2), [`./dist/cjs/${name}.d.ts`]];
  return {
    // For compilers that do not read `exports`.
    typesVersions: {
      "*": { ...Object.fromEntries(others.map(typesOf)), "schema.json": ["./dist/schema.json"] },
    },
    exports: { ...Object.fromEntries(names.map((name) => [pathOf(name), conditionsOf(name)])), ...files },
  };
}

if (process.argv[1] !== undefined && fs.realpathSync(process.argv[1]) === import.meta.filename) {
  const file = path.join(root, "package.json");
  const manifest = JSON.parse(fs.readFileSync(file, "utf8"));
  fs.writeFileSync(file, `${JSON.stringify({ ...manifest, ...entryFields() }, null, 2)}\n`);
}
