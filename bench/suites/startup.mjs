// The time that an import of the core or of one pattern adds to the start of a process, and how long the check of a heartbeat's
// file takes.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { median, quick, report } from "../measure.mjs";

// By its name, as a program does: Node then takes the files that are made for it.
const root = path.resolve(import.meta.dirname, "../..");
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "startup-"));
process.once("exit", () => fs.rmSync(folder, { recursive: true, force: true }));
const emptyFile = path.join(folder, "empty.mjs");
fs.writeFileSync(emptyFile, "");
const heartbeat = path.join(folder, "app.heartbeat");
const timestamp = new Date().toISOString().replace("Z", "000+00:00");
fs.writeFileSync(
  heartbeat,
  JSON.stringify({ timestamp, pid: process.pid, hostname: os.hostname(), metadata: {}, interval: 3600 }),
);
const NAME = "@kstlib/resilience";
const { exports } = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"));
const PARTS = Object.keys(exports)
  .map((entry) => entry.slice(2))
  .filter((part) => !/^$|^auto$|^config$|^testing$|\.json$/.test(part));
const module = (code) => ["--input-type=module", "-e", code];
const script = (code) => ["--input-type=commonjs", "-e", code];
const SUBJECTS = {
  emptyFile: [emptyFile],
  check: [path.join(root, "dist/cli/main.js"), "check", heartbeat],
  emptyModule: module(""),
  emptyScript: script(""),
  esm: module(`import "${NAME}"`),
  cjs: script(`require("${NAME}")`),
  ...Object.fromEntries(PARTS.map((part) => [`esm ${part}`, module(`import "${NAME}/${part}"`)])),
  ...Object.fromEntries(PARTS.map((part) => [`cjs ${part}`, script(`require("${NAME}/${part}")`)])),
};

const times = Object.fromEntries(Object.keys(SUBJECTS).map((name) => [name, []]));
const rounds = quick ? 5 : 15;
for (let round = -2; round < rounds; round++) {
  for (const [name, args] of Object.entries(SUBJECTS)) {
    const start = performance.now();
    const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
    const milliseconds = performance.now() - start;
    if (status !== 0) throw new Error(stderr);
    if (round >= 0) times[name].push(milliseconds);
  }
}

const over = (name, base) => median(times[name].map((time, round) => time - times[base][round]));
const row = (id, label, base, max) => ({ id, label, value: over(id, base), unit: "ms", max });
const ratio = median(times.check.map((time, round) => time / times.emptyFile[round]));
report([
  { id: "empty", label: "an empty script", value: median(times.emptyScript), unit: "ms" },
  { id: "empty-module", label: "an empty module", value: median(times.emptyModule), unit: "ms" },
  row("esm", "import of the core over an empty module", "emptyModule", 15),
  row("cjs", "require of the core over an empty script", "emptyScript", 15),
  ...PARTS.flatMap((part) => [
    row(
      `esm ${part}`,
      `import of ./${part} over an empty module`,
      "emptyModule",
      part === "redis" ? undefined : 6,
    ),
    row(
      `cjs ${part}`,
      `require of ./${part} over an empty script`,
      "emptyScript",
      part === "redis" ? undefined : 6,
    ),
  ]),
  { id: "check", label: "kstlib-resilience check / an empty file", value: ratio, unit: "x", max: 1.3 },
]);
