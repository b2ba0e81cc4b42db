// What importing the core adds to the start of a process, and how long the check of a heartbeat's file takes.
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
const SUBJECTS = {
  emptyFile: [emptyFile],
  check: [path.join(root, "dist/cli/main.js"), "check", heartbeat],
  empty: ["-e", ""],
  emptyModule: ["--input-type=module", "-e", ""],
  esm: ["--input-type=module", "-e", 'import "@kstlib/resilience"'],
  cjs: ["-e", 'require("@kstlib/resilience")'],
};

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
const ratio = median(times.check) / median(times.emptyFile);
const over = (name, base) => median(times[name].map((time, round) => time - times[base][round]));
report([
  { id: "empty", label: 'node -e ""', value: median(times.empty), unit: "ms" },
  { id: "esm", label: 'import over node -e ""', value: over("esm", "empty"), unit: "ms", max: 15 },
  { id: "cjs", label: 'require over node -e ""', value: over("cjs", "empty"), unit: "ms", max: 15 },
  { id: "esm-own", label: "import over an empty module", value: over("esm", "emptyModule"), unit: "ms" },
  { id: "check", label: "kstlib-resilience check / an empty file", value: ratio, unit: "x", max: 1.3 },
]);
