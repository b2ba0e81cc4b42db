// What importing the core adds to the start of a process.
import { spawnSync } from "node:child_process";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { median, quick, report } from "../measure.mjs";

const dist = path.resolve(import.meta.dirname, "../../dist");
const esm = pathToFileURL(path.join(dist, "index.js")).href;
const SUBJECTS = {
  empty: ["-e", ""],
  emptyModule: ["--input-type=module", "-e", ""],
  esm: ["--input-type=module", "-e", `import ${JSON.stringify(esm)}`],
  cjs: ["-e", `require(${JSON.stringify(path.join(dist, "cjs", "index.js"))})`],
};

const times = Object.fromEntries(Object.keys(SUBJECTS).map((name) => [name, []]));
const rounds = quick ? 6 : 24;
for (let round = -2; round < rounds; round++) {
  for (const [name, args] of Object.entries(SUBJECTS)) {
    const start = performance.now();
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    const milliseconds = performance.now() - start;
    if (status !== 0) throw new Error(stderr);
    if (round >= 0) times[name].push(milliseconds);
  }
}
const over = (name, base) => median(times[name].map((time, round) => time - times[base][round]));
report([
  { id: "esm", label: 'import over node -e ""', value: over("esm", "empty"), unit: "ms", max: 15 },
  { id: "cjs", label: 'require over node -e ""', value: over("cjs", "empty"), unit: "ms", max: 15 },
  { id: "esm-own", label: "import over an empty module", value: over("esm", "emptyModule"), unit: "ms" },
]);
