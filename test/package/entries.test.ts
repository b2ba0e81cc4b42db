import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { entryFields } from "../../scripts/entries.mjs";

const root = path.resolve(import.meta.dirname, "../..");
const require = createRequire(import.meta.url);
const manifest: { exports: Record<string, unknown>; typesVersions: unknown } = require("../../package.json");

/** Every file named anywhere in one entry of `exports`. */
function targetsOf(entry: unknown): readonly string[] {
  if (typeof entry === "string") return [entry];
  return Object.values(entry ?? {}).flatMap(targetsOf);
}

/** The source of an entry: `./config` of `dist/config/index.js` is `src/config/index.ts`. */
function sourceOf(entry: unknown): string | undefined {
  const esm = targetsOf(entry).find((target) => target.endsWith(".js") && !target.includes("/cjs/"));
  return esm?.replace("./dist/", "src/").replace(/\.js$/, ".ts");
}

const entries = Object.entries(manifest.exports).flatMap(([name, entry]) => {
  const source = sourceOf(entry);
  return source === undefined || !fs.existsSync(path.join(root, source)) ? [] : [{ name, entry, source }];
});

/** The entries that a program imports for their names; `./auto` is imported for what it does. */
const apis = entries.filter(({ name }) => name !== "./auto");
const parts = apis.filter(({ name }) => name !== ".");

/** All modules that are loaded with one, and the packages that they import. */
function loadedWith(entry: string): {
  readonly files: readonly string[];
  readonly packages: readonly string[];
} {
  const packages = new Set<string>();
  const files = new Set<string>();
  const visit = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    const text = fs.readFileSync(file, "utf8");
    const imports = text.matchAll(/(?:\bfrom|\bimport|\bimport\(|\brequire\()\s*["']([^"']+)["']/g);
    for (const [, name = ""] of imports) {
      if (name.startsWith(".")) visit(path.resolve(path.dirname(file), name));
      else if (!name.startsWith("node:")) packages.add(name);
    }
  };
  visit(path.join(root, entry));
  return {
    files: [...files].map((file) => path.relative(root, file).replaceAll("\\", "/")),
    packages: [...packages],
  };
}

const distFile = (source: string, folder: string): string =>
  path.join(root, source.replace(/^src/, folder).replace(/\.ts$/, ".js"));

describe("the entries of package.json", () => {
  test("each one names files that were built", () => {
    const missing = entries
      .flatMap(({ entry }) => targetsOf(entry))
      .filter((target) => !fs.existsSync(path.join(root, target)));
    expect(missing).toEqual([]);
  });

  test("every entry module of the sources is one of them", () => {
    const modules = fs
      .readdirSync(path.join(root, "src"), { recursive: true, encoding: "utf8" })
      .map((file) => `src/${file.replaceAll("\\", "/")}`)
      .filter((file) => /(?:^|\/)(?:index|auto)\.ts$/.test(file));
    expect(entries.map(({ source }) => source).toSorted()).toEqual(modules.toSorted());
  });

  test("package.json names what `node scripts/entries.mjs` finds", () => {
    const { exports, typesVersions } = manifest;
    expect({ typesVersions, exports }).toEqual(entryFields());
  });

  test("the schema of the configuration file is built with what reads it", () => {
    const reader = fs.existsSync(path.join(root, "src/config/index.ts"));
    expect(fs.existsSync(path.join(root, "dist/schema.json"))).toBe(reader);
  });

  test("the core has no dependency at run time, whatever it imports on the way", () => {
    for (const file of ["dist/index.js", "dist/cjs/index.js"]) {
      const { files, packages } = loadedWith(file);
      expect(files.length).toBeGreaterThan(1);
      expect(packages).toEqual([]);
    }
  });

  const patterns = parts
    .map(({ name }) => name.slice(2))
    .filter((name) => name !== "config" && name !== "testing");
  /** What is above patterns, and which ones it is made of. */
  const below: Readonly<Record<string, readonly string[]>> = {
    redis: ["circuit-breaker", "rate-limiter"],
    http: ["circuit-breaker", "policies", "rate-limiter"],
    fastify: ["rate-limiter"],
    hono: ["rate-limiter"],
    websocket: ["policies"],
    alerts: ["circuit-breaker", "policies", "rate-limiter"],
  };

  test.each(patterns)("./%s loads no pattern but what it is made of", (pattern) => {
    for (const folder of ["dist", "dist/cjs"]) {
      const { files } = loadedWith(`${folder}/${pattern}/index.js`);
      const loaded = [...patterns, "configuration"].filter((part) => files.includes(`${folder}/${part}.js`));
      const others = loaded.filter((part) => part !== pattern && !below[pattern]?.includes(part));
      expect(others).toEqual([]);
    }
  });

  test("the types name no package but Node's: a program that has not installed a framework compiles", () => {
    const files = fs
      .readdirSync(path.join(root, "dist"), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".d.ts"));
    const named = files.flatMap((file) => {
      // Without what examples import.
      const types = fs
        .readFileSync(path.join(root, "dist", file), "utf8")
        .replaceAll(/\/\*[\s\S]*?\*\//g, "");
      return [...types.matchAll(/\b(?:from|import\(|import) ?"([^".][^"]*)"/g)].map(
        ([, name]) => `${file} ${name}`,
      );
    });
    expect(files.length).toBeGreaterThan(10);
    expect(named.filter((each) => !each.includes(" node:"))).toEqual([]);
  });

  test("nothing that a program imports depends on where its file lies, because a bundler moves it", () => {
    const files = fs
      .readdirSync(path.join(root, "dist"), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".js") && !file.startsWith("cli"));
    const tied = files.filter((file) =>
      /\bimport\.meta\b|\b__(?:filename|dirname)\b|\bcreateRequire\b/.test(
        fs.readFileSync(path.join(root, "dist", file), "utf8"),
      ),
    );
    expect(files.length).toBeGreaterThan(10);
    expect(tied).toEqual([]);
  });

  test.each(apis)("$name has the same names in the ESM and in the CommonJS build", async ({ source }) => {
    const esm: object = await import(pathToFileURL(distFile(source, "dist")).href);
    const cjs: object = require(distFile(source, "dist/cjs"));
    const names = (module: object): string[] =>
      Object.keys(module)
        .filter((name) => name !== "__esModule")
        .toSorted();
    expect(names(cjs)).toEqual(names(esm));
    expect(names(esm)).not.toEqual([]);
  });

  test.each(parts)("what $name exports is the same as what the core exports", async ({ name, source }) => {
    const load = async (folder: string): Promise<readonly Record<string, unknown>[]> => {
      const files = ["src/index.ts", source].map((module) => distFile(module, folder));
      if (folder === "dist/cjs") return files.map((file) => require(file));
      return Promise.all(files.map((file) => import(pathToFileURL(file).href)));
    };
    for (const folder of ["dist", "dist/cjs"]) {
      const [core = {}, part = {}] = await load(folder);
      const shared = Object.keys(part).filter((key) => key !== "__esModule" && key in core);
      expect(shared.filter((key) => part[key] !== core[key])).toEqual([]);
      expect(shared.length > 0 || ["./redis", "./telemetry", "./testing"].includes(name)).toBe(true);
    }
  });

  test("importing the core loads no Node module before it is needed", () => {
    const loaded = (load: string): readonly string[] => {
      const code = `const before = new Set(process.moduleLoadList); ${load}
        console.log(process.moduleLoadList.filter((name) => !before.has(name)).join("\\n"));`;
      const mode = load.startsWith("await") ? "module" : "commonjs";
      const printed = execFileSync(process.execPath, [`--input-type=${mode}`, "-e", code], {
        cwd: root,
        encoding: "utf8",
      });
      return [...printed.matchAll(/^NativeModule (?!internal\/)(.+)$/gm)].map(([, name = ""]) => name);
    };
    for (const load of [`await import("@kstlib/resilience")`, `require("@kstlib/resilience")`]) {
      // What the loader itself needs comes with an entry that needs nothing.
      const own = loaded(load.replace("resilience", "resilience/testing"));
      expect(loaded(load).filter((name) => name !== "os" && !own.includes(name))).toEqual([]);
    }
  });

  test("importing the core alone ends the process at once and prints nothing", () => {
    for (const code of ['import "@kstlib/resilience"', 'require("./dist/cjs/index.js")']) {
      const mode = code.startsWith("import") ? "module" : "commonjs";
      expect(
        execFileSync(process.execPath, [`--input-type=${mode}`, "-e", code], { cwd: root, encoding: "utf8" }),
      ).toBe("");
    }
  });
});

type ErrorClass = (new () => Error) & { readonly prototype: Error };

function isErrorClass(value: unknown): value is ErrorClass {
  return typeof value === "function" && value.prototype instanceof Error;
}

describe("the error classes of the two builds", async () => {
  const pairs: { name: string; esm: ErrorClass; cjs: ErrorClass }[] = [];
  for (const { source } of apis) {
    const esm: Record<string, unknown> = await import(pathToFileURL(distFile(source, "dist")).href);
    const cjs: Record<string, unknown> = require(distFile(source, "dist/cjs"));
    for (const [name, value] of Object.entries(esm)) {
      const twin = cjs[name];
      if (!isErrorClass(value) || !isErrorClass(twin) || pairs.some(({ esm: known }) => known === value))
        continue;
      pairs.push({ name, esm: value, cjs: twin });
    }
  }

  test("are found, and there are two of each", () => {
    expect(pairs.map(({ name }) => name)).toContain("ResilienceError");
    for (const { esm, cjs } of pairs) expect(esm).not.toBe(cjs);
  });

  test.each(pairs)(
    "$name is caught by its own class and its bases of the other build, and no other",
    (own) => {
      const bases = new Set<string>();
      for (
        let link: Error = own.esm.prototype;
        link !== Error.prototype;
        link = Object.getPrototypeOf(link)
      ) {
        bases.add(link.name);
      }
      for (const other of pairs) {
        const related = bases.has(other.name);
        expect(
          Object.create(own.cjs.prototype) instanceof other.esm,
          `${own.name} of CommonJS, ${other.name}`,
        ).toBe(related);
        expect(
          Object.create(own.esm.prototype) instanceof other.cjs,
          `${own.name} of ESM, ${other.name}`,
        ).toBe(related);
      }
    },
  );

  test.each(pairs)("$name carries its own name", ({ name, esm, cjs }) => {
    expect(esm.prototype.name).toBe(name);
    expect(cjs.prototype.name).toBe(name);
  });
});
