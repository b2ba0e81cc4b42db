// Every example of the documentation compiles and runs: ```ts and ```js fences of the Markdown files and of the
// doc comments in src/. A fence may say `no-check: the reason`. A ```yaml fence that says `title=kstlib.conf.yml`
// is checked by the reader of configuration files and lies in the folder where the later fences of its file run.
import { execFile, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { ensureBuilt, root } from "./setup.mjs";

process.chdir(root);
ensureBuilt();

const OUT = path.join(root, ".cache", "examples");
const TIMEOUT_MS = 20_000;
const CONFIG_FILE = "kstlib.conf.yml";
const failures = [];
const fail = (fence, why) => failures.push(`${fence.file}:${fence.line}: ${why}`);

function filesUnder(folder, ending) {
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(ending))
    .map((file) => path.join(folder, file).replaceAll("\\", "/"))
    .toSorted();
}

/** Blanks everything outside doc comments, and their margins, so that line numbers stay. */
function docComments(text) {
  const blank = (part) => part.replaceAll(/[^\n]/g, "");
  let result = "";
  let end = 0;
  for (const match of text.matchAll(/\/\*\*[\s\S]*?\*\//g)) {
    result += blank(text.slice(end, match.index)) + match[0].replaceAll(/^[ \t]*\*(?: |$)/gm, "");
    end = match.index + match[0].length;
  }
  return result + blank(text.slice(end));
}

/** The fences of a Markdown text: language, flags, the line of the opening, the code without its indentation. */
function fencesOf(file, text) {
  const fences = [];
  let open;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const [, indent, ticks, info = ""] = /^(\s*)(`{3,})\s*(.*)$/.exec(line) ?? [];
    if (open === undefined && ticks !== undefined) {
      const [language = "", ...flags] = info.split(/\s+/);
      open = { file, line: index + 1, language, flags: flags.join(" "), indent, ticks, lines: [] };
    } else if (open !== undefined && ticks?.startsWith(open.ticks) && info === "") {
      fences.push(open);
      open = undefined;
    } else if (open !== undefined) {
      open.lines.push(line.startsWith(open.indent) ? line.slice(open.indent.length) : line.trimStart());
    }
  }
  if (open !== undefined) fail(open, "the fence is never closed");
  return fences.map(({ lines, ...fence }) => ({ ...fence, code: lines.join("\n") }));
}

const markdown = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...filesUnder("docs", ".md")];
const fences = [
  ...markdown.filter((file) => fs.existsSync(file)).map((file) => [file, fs.readFileSync(file, "utf8")]),
  ...filesUnder("src", ".ts").map((file) => [file, docComments(fs.readFileSync(file, "utf8"))]),
].flatMap(([file, text]) => fencesOf(file, text));

/** Whether the fence is marked `no-check` with a reason. */
function isExcused(fence) {
  if (!fence.flags.includes("no-check")) return false;
  if (!/no-check\s*[:=]\s*\S.{4,}/.test(fence.flags))
    fail(fence, "`no-check` needs its reason: `no-check: why`");
  return true;
}

function write(file, text) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
}

// 1. Lay the fences out: programs under OUT, each with its own folder to run in.
fs.rmSync(OUT, { recursive: true, force: true });
const programs = [];
const configFiles = [];
const beside = new Map();
for (const fence of fences) {
  if (!["ts", "js", "yaml", "yml"].includes(fence.language) || isExcused(fence)) continue;
  const slug = `${fence.file.replaceAll(/\W+/g, "-")}-L${fence.line}`;
  const cwd = path.join(OUT, "cwd", slug);
  const title = /\btitle=["']?([\w./-]+)/.exec(fence.flags)?.[1];
  const companions = beside.get(fence.file) ?? new Map();
  beside.set(fence.file, companions);
  const isYaml = fence.language.startsWith("y");
  if (isYaml && title !== undefined) companions.set(title, fence.code);
  if (isYaml && title === undefined && /^resilience:/m.test(fence.code)) {
    fail(fence, `say \`title=${CONFIG_FILE}\`, so that it is checked, or \`no-check: why\``);
  }
  if (isYaml && title !== CONFIG_FILE) continue;

  fs.mkdirSync(cwd, { recursive: true });
  for (const [name, text] of companions) write(path.join(cwd, name), text);
  if (isYaml) {
    configFiles.push({ fence, file: path.join(cwd, CONFIG_FILE) });
    continue;
  }
  // Blank lines before the code: the compiler then tells the line of the documentation.
  const code = "\n".repeat(fence.line) + fence.code;
  const isCommonJs = fence.language === "js" && /\brequire\(/.test(fence.code);
  const ending = isCommonJs ? "cjs" : fence.language === "ts" ? "mts" : "mjs";
  write(path.join(OUT, `${slug}.${ending}`), isCommonJs ? code : `${code}\nexport {};\n`);
  const compiled = ending === "mts" ? path.join("js", `${slug}.mjs`) : `${slug}.${ending}`;
  programs.push({ fence, cwd, program: path.join(OUT, compiled) });
}

// 2. One compilation of all.
if (programs.some(({ fence }) => fence.language === "ts")) {
  const compilerOptions = {
    noEmit: false,
    declaration: false,
    isolatedDeclarations: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
    skipLibCheck: true,
    outDir: "js",
    rootDir: ".",
  };
  write(
    path.join(OUT, "tsconfig.json"),
    JSON.stringify({ extends: "../../tsconfig.json", compilerOptions, include: ["*.mts"] }),
  );
  const tsc = path.join(root, "node_modules/@typescript/native/bin/tsc");
  const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", OUT, "--pretty", "false"], {
    encoding: "utf8",
  });
  if (status !== 0) failures.push(`the examples do not compile:\n${stdout.trim()}`);
}

// 3. Run them, a few at a time.
function run({ fence, cwd, program }) {
  return new Promise((resolve) => {
    // The user's own configuration must not affect an example.
    const { KSTLIB_CONFIG: _ignored, ...rest } = process.env;
    const env = { ...rest, NODE_OPTIONS: "", XDG_CONFIG_HOME: cwd, APPDATA: cwd };
    const options = { cwd, env, timeout: TIMEOUT_MS, killSignal: "SIGKILL", encoding: "utf8" };
    execFile(process.execPath, [program], options, (error, stdout, stderr) => {
      // A failed console.assert only prints a message.
      const passed = error === null && !/^Assertion failed/m.test(stderr);
      const why = error?.killed ? `not ended after ${TIMEOUT_MS / 1000} s` : `exit code ${error?.code ?? 0}`;
      if (!passed) fail(fence, `${why}\n${stdout}${stderr}`.trim());
      resolve(passed);
    });
  });
}

const waiting = [...programs];
let ran = 0;
await Promise.all(
  Array.from({ length: Math.min(4, os.availableParallelism()) }, async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) if (await run(next)) ran++;
  }),
);

// 4. The configuration files, by the reader that applications use.
const reader = path.join(root, "dist", "config", "index.js");
let valid = 0;
if (configFiles.length > 0 && fs.existsSync(reader)) {
  const { loadConfig } = await import(pathToFileURL(reader).href);
  for (const { fence, file } of configFiles) {
    try {
      loadConfig({ path: file });
      valid++;
    } catch (error) {
      fail(fence, error.message);
    }
  }
}

for (const failure of failures) console.error(`FAILED ${failure}\n`);
if (configFiles.length > 0) console.log(`configuration files: ${valid} of ${configFiles.length} are valid`);
console.log(`examples: ${ran} of ${programs.length} ran`);
process.exitCode = failures.length === 0 ? 0 : 1;
