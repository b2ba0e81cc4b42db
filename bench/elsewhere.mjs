// The suites on another Node, beside the versions of the peers that need it: all in a folder below .cache/.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { root } from "../scripts/setup.mjs";
import { prepare } from "../test/matrix/runtimes.mjs";

/** The newest versions of the packages to compare with; some need a newer Node than this project does. */
const PEERS = [
  "cockatiel@4",
  "opossum@10",
  "p-retry@9",
  "p-limit@7",
  "rate-limiter-flexible@11",
  "limiter@3",
];

/** The Node of that major version, and where the suites are. */
export function elsewhere(major) {
  const id = `node${major}`;
  const runtime = prepare(id);
  if (runtime.missing !== undefined) throw new Error(`Node ${major} cannot be had: ${runtime.missing}`);
  const folder = path.join(root, ".cache", `bench-${id}`);
  fs.mkdirSync(path.join(folder, "node_modules"), { recursive: true });
  fs.writeFileSync(path.join(folder, "package.json"), '{"private":true,"type":"module"}\n');
  const flags = ["--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  execFileSync("npm", ["install", ...flags, ...PEERS], { cwd: folder, stdio: "inherit" });
  // After the installation, which removes what it does not know.
  const scope = path.join(folder, "node_modules", "@kstlib");
  fs.mkdirSync(scope, { recursive: true });
  fs.rmSync(path.join(scope, "resilience"), { force: true });
  fs.symlinkSync(root, path.join(scope, "resilience"), "junction");
  fs.cpSync(import.meta.dirname, path.join(folder, "bench"), { recursive: true });
  return { binary: runtime.binary, suites: path.join(folder, "bench", "suites"), version: runtime.version };
}
