// What importing the core adds to the start of a process, and how soon a probe of the command line has its answer.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { Heartbeat } from "@kstlib/resilience";
import { median, quick, ratio, report } from "../measure.mjs";

// By its name, as a program does: Node then takes the files that are made for it.
const root = path.resolve(import.meta.dirname, "../..");
const SUBJECTS = {
  empty: ["-e", ""],
  emptyModule: ["--input-type=module", "-e", ""],
  esm: ["--input-type=module", "-e", 'import "@kstlib/resilience"'],
  cjs: ["-e", 'require("@kstlib/resilience")'],
};

const cli = path.join(root, "dist/node/cli/main.js");
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "bench-"));
const hasCli = fs.existsSync(cli);
if (hasCli) {
  const stateFile = path.join(folder, "app.heartbeat");
  await new Heartbeat({ stateFile }).beat();
  const emptyFile = path.join(folder, "empty.mjs");
  fs.writeFileSync(emptyFile, "");
  SUBJECTS.emptyFile = [emptyFile];
  SUBJECTS.check = [cli, "check", stateFile, "--max-age", "3600"];
}

const times = Object.fromEntries(Object.keys(SUBJECTS).map((name) => [name, []]));
const rounds = quick ? 6 : 24;
for (let round = -2; round < rounds; round++) {
  for (const [name, args] of Object.entries(SUBJECTS)) {
    const start = performance.now();
    const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
    const milliseconds = performance.now() - start;
    if (status !== 0) throw new Error(stderr);
    if (round >= 0) times[name].push(milliseconds);
  }
}
fs.rmSync(folder, { recursive: true });
const check = { id: "check", label: "kstlib-resilience check / an empty program" };
const over = (name, base) => median(times[name].map((time, round) => time - times[base][round]));
report([
  { id: "empty", label: 'node -e ""', value: median(times.empty), unit: "ms" },
  { id: "esm", label: 'import over node -e ""', value: over("esm", "empty"), unit: "ms", max: 15 },
  { id: "cjs", label: 'require over node -e ""', value: over("cjs", "empty"), unit: "ms", max: 15 },
  { id: "esm-own", label: "import over an empty module", value: over("esm", "emptyModule"), unit: "ms" },
  hasCli
    ? { ...check, value: ratio(times.check, times.emptyFile), unit: "x", max: 1.3 }
    : { ...check, missing: "SKIPPED: there is no command line yet" },
]);
