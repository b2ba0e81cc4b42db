// node scripts/house-figures.mjs [--write] [BEFORE]: the figures of docs/architecture.md, as a table in Markdown; with
// --write it goes there. BEFORE is the folder of another checkout: each cell then shows its figure first.
import fs from "node:fs";
import { Session } from "node:inspector/promises";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { transformSync } from "esbuild";
import { root } from "./setup.mjs";

/** The files outside any folder. */
const OTHER = "other files";

/** A typical call of each pattern: prepared first, then made once, and the files are counted in which code runs. */
const CALLS = {
  "circuit-breaker": {
    label: "`breaker.callSync(fn)`",
    prepare({ CircuitBreaker }) {
      const breaker = new CircuitBreaker();
      return () => breaker.callSync(() => 42);
    },
  },
  "rate-limiter": {
    label: "`limiter.tryAcquire()`",
    prepare({ RateLimiter }) {
      const limiter = new RateLimiter();
      return () => limiter.tryAcquire();
    },
  },
  shutdown: {
    label: "`shutdown.trigger()`, one callback",
    prepare({ GracefulShutdown }) {
      const shutdown = new GracefulShutdown();
      shutdown.register("database", () => {});
      return () => shutdown.trigger();
    },
  },
  heartbeat: {
    label: "`heartbeat.beat()`",
    prepare({ Heartbeat }, folder) {
      const heartbeat = new Heartbeat({ stateFile: path.join(folder, "state") });
      return () => heartbeat.beat();
    },
  },
  watchdog: {
    label: "`watchdog.ping()`",
    prepare({ Watchdog }) {
      const watchdog = new Watchdog();
      return () => watchdog.ping();
    },
  },
};

function sourcesOf(tree) {
  return fs
    .readdirSync(path.join(tree, "src"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => ({
      file: file.replaceAll("\\", "/"),
      text: fs.readFileSync(path.join(tree, "src", file), "utf8"),
    }));
}

/** Compiles the sources file by file, so that each keeps its name, whatever the build makes of them. */
function compile(sources, folder) {
  for (const { file, text } of sources) {
    const target = path.join(folder, file.replace(/\.ts$/, ".js"));
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.writeFileSync(target, transformSync(text, { loader: "ts", target: "es2022" }).code);
  }
  fs.writeFileSync(path.join(folder, "package.json"), '{ "type": "module" }');
}

/** In how many files of `folder` code runs during a call. */
async function filesRun(call, folder) {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
  await session.post("Profiler.takePreciseCoverage"); // sets the counts to 0
  await call();
  const { result } = await session.post("Profiler.takePreciseCoverage");
  session.disconnect();
  const inFolder = pathToFileURL(folder + path.sep).href;
  return result.filter(
    ({ url, functions }) =>
      url.startsWith(inFolder) && functions.some(({ ranges }) => ranges.some(({ count }) => count > 0)),
  ).length;
}

/** How many files outside a pattern's folder import it. */
function importersOf(room, sources) {
  if (CALLS[room] === undefined) return undefined;
  const outside = sources.filter(({ file }) => !file.startsWith(`${room}/`));
  return outside.filter(({ text }) => new RegExp(` from "[./]+/${room}/`).test(text)).length;
}

function sizesOf(lines) {
  return {
    Files: lines.length,
    Lines: lines.reduce((sum, count) => sum + count, 0),
    "Longest file": Math.max(...lines),
  };
}

const linesOf = (sources) => sources.map(({ text }) => text.split("\n").length - 1);

async function figuresOf(tree) {
  const sources = sourcesOf(tree);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "house-"));
  const figures = new Map();
  try {
    compile(sources, folder);
    const core = await import(pathToFileURL(path.join(folder, "index.js")).href);
    const rooms = new Set(sources.map(({ file }) => (file.includes("/") ? file.split("/")[0] : OTHER)));
    for (const room of [...rooms].toSorted()) {
      const lines = linesOf(
        sources.filter(({ file }) => (file.includes("/") ? file.startsWith(`${room}/`) : room === OTHER)),
      );
      const call = CALLS[room]?.prepare(core, folder);
      const files = call === undefined ? undefined : await filesRun(call, folder);
      figures.set(room, {
        ...sizesOf(lines),
        "Files in a call": files,
        "Imported by": importersOf(room, sources),
      });
    }
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
  figures.set("**all**", sizesOf(linesOf(sources)));
  return figures;
}

const { values, positionals } = parseArgs({
  options: { write: { type: "boolean", default: false } },
  allowPositionals: true,
});
const trees = [...positionals.map((tree) => path.resolve(tree)), root];
const figures = [];
for (const tree of trees) figures.push(await figuresOf(tree));

const COLUMNS = ["Files", "Lines", "Longest file", "Imported by", "Files in a call"];
const rooms = [...new Set(figures.flatMap((tree) => [...tree.keys()]))].toSorted((a, b) =>
  a.startsWith("*") || b.startsWith("*") ? a.startsWith("*") - b.startsWith("*") : a < b ? -1 : 1,
);
const cell = (room, column) => {
  const found = figures.map((tree) => tree.get(room)?.[column] ?? "–");
  return found.every((figure) => figure === "–") ? "" : found.join(" → ");
};
const table = [
  `| Folder | ${COLUMNS.join(" | ")} | The call |`,
  `| --- | ${COLUMNS.map(() => "---").join(" | ")} | --- |`,
  ...rooms.map((room) => {
    const cells = COLUMNS.map((column) => cell(room, column));
    return `| ${room} | ${cells.join(" | ")} | ${CALLS[room]?.label ?? ""} |`;
  }),
].join("\n");
if (values.write) {
  const page = path.join(root, "docs/architecture.md");
  const [before, rest] = fs
    .readFileSync(page, "utf8")
    .split(/(?<=<!-- figures -->\n).*?(?=<!-- end of figures -->)/s);
  fs.writeFileSync(page, `${before}\n${table}\n${rest}`);
  console.log("docs/architecture.md is written; `npm run format` aligns its table");
} else {
  console.log(table);
}
