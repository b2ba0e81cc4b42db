// Prepares a fresh clone: installs the packages of the lockfile and builds dist/.
// Uses only Node, prints one line for each step, and does nothing when all is in place.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";

export const root = path.dirname(import.meta.dirname);
const at = (...parts) => path.join(root, ...parts);
const STAMP = at("dist", ".stamp");
const BUILD_INPUTS = [
  "scripts/build.mjs",
  "scripts/bundle.mjs",
  "scripts/entries.mjs",
  "scripts/thread-programs.mjs",
  "tsconfig.json",
  "tsconfig.build.json",
  "package.json",
  "package-lock.json",
];

const readJson = (file) => JSON.parse(fs.readFileSync(file, "utf8"));

/** Whether node_modules holds what the lockfile says; npm notes at its end of an install what it installed. */
function packagesAreInstalled() {
  const note = at("node_modules", ".package-lock.json");
  if (!fs.existsSync(note)) return false;
  const installed = readJson(note).packages;
  const locked = readJson(at("package-lock.json")).packages;
  return Object.entries(locked).every(([where, { version, optional }]) => {
    // Optional packages may be missing: they are for other platforms. The entry "" is this package itself.
    if (where === "" || (optional && !(where in installed))) return true;
    return installed[where]?.version === version;
  });
}

/** Runs npm: without a shell where npm told us its own path, as it does within `npm test` and `npm run`. */
function npm(...args) {
  const options = { cwd: root, stdio: ["ignore", "ignore", "inherit"] };
  const cli = process.env.npm_execpath;
  if (cli !== undefined && path.basename(cli) === "npm-cli.js") {
    return spawnSync(process.execPath, [cli, ...args], options);
  }
  return spawnSync("npm", args, { ...options, shell: process.platform === "win32" });
}

/** Installs the packages of the lockfile unless they are there. */
export function ensurePackages() {
  if (packagesAreInstalled()) return;
  console.log("setup: installing the packages of package-lock.json (npm ci)");
  const { status, error } = npm("ci", "--no-audit", "--no-fund", "--loglevel=error");
  if (status !== 0) throw new Error(`npm ci failed: ${error?.message ?? `exit code ${status}`}`);
}

/** A fingerprint of everything that dist/ is made from. */
export function sourceStamp() {
  const hash = createHash("sha256");
  const sources = fs
    .readdirSync(at("src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath ?? entry.path, entry.name)))
    .toSorted();
  for (const file of [...sources, ...BUILD_INPUTS])
    hash.update(`${file}\0`).update(fs.readFileSync(at(file)));
  return hash.digest("hex");
}

/** Builds dist/ unless it was made from the sources as they are now. */
export function ensureBuilt() {
  if (fs.existsSync(STAMP) && fs.readFileSync(STAMP, "utf8") === sourceStamp()) return;
  console.log("setup: building dist/");
  const { status } = spawnSync(process.execPath, [at("scripts", "build.mjs")], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (status !== 0) throw new Error("the build failed");
}

/** Makes the clone ready, or prints why not and ends the process. */
export function setUp() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(`setup: Node 20.19 or newer is needed; this is ${process.version}`);
    process.exit(1);
  }
  try {
    ensurePackages();
    ensureBuilt();
  } catch (error) {
    console.error(`setup: ${error.message}`);
    process.exit(1);
  }
}

if (process.argv[1] !== undefined && fs.realpathSync(process.argv[1]) === import.meta.filename) setUp();
