// The runtimes that the library is tried on: the Node at hand, and others from the npm registry, each in its own
// folder under .cache/. They are installed from platform packages, which contain the binary: no install script runs.
import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "../..");
const CACHE = path.join(root, ".cache", "runtimes");
const DAY = 86_400_000;

const { platform, arch } = process;
const system = `${platform}-${arch}`;
const exe = platform === "win32" ? ".exe" : "";

const fromNpm = (family, name, file, version) => ({ family, name, file, version });
const node = (major) =>
  fromNpm("node", `node-${platform === "win32" ? "win" : platform}-${arch}`, `bin/node${exe}`, String(major));

/** Bun and Deno have their own names for platforms. */
const BUN = { "linux-x64": "linux-x64", "linux-arm64": "linux-aarch64", "darwin-x64": "darwin-x64" };
const BUN_MORE = { "darwin-arm64": "darwin-aarch64", "win32-x64": "windows-x64" };
const bun = { ...BUN, ...BUN_MORE }[system] ?? system;
const deno = platform === "linux" ? `${system}-glibc` : system;

/** The runtimes that can be selected, in the order of the columns; `node` is the one that runs this. */
export const RUNTIMES = {
  node: { family: "node" },
  node22: node(22),
  node24: node(24),
  node26: node(26),
  bun: fromNpm("bun", `@oven/bun-${bun}`, `bin/bun${exe}`, "latest"),
  deno: fromNpm("deno", `@deno/${deno}`, `deno${exe}`, "latest"),
};

const FAMILIES = {
  node: { title: "Node", command: (binary) => [binary] },
  bun: { title: "Bun", command: (binary) => [binary] },
  // With all permissions, as programs have on the others.
  deno: { title: "Deno", command: (binary) => [binary, "run", "--quiet", "-A"] },
};

/** Runs npm, without a shell where it is known by its path. */
function npm(args, cwd) {
  const cli = process.env.npm_execpath;
  const options = { cwd, encoding: "utf8", timeout: 300_000 };
  if (cli !== undefined && path.basename(cli) === "npm-cli.js") {
    return spawnSync(process.execPath, [cli, ...args], options);
  }
  return spawnSync("npm", args, { ...options, shell: platform === "win32" });
}

/** The path of a runtime's binary, fetched if missing or a day old; throws if it cannot be fetched. */
function fetched(id, { name, file, version }) {
  const folder = path.join(CACHE, id);
  const binary = path.join(folder, "node_modules", name, file);
  const note = path.join(folder, "package.json");
  const isFresh = fs.existsSync(note) && Date.now() - fs.statSync(note).mtimeMs < DAY;
  if (fs.existsSync(binary) && isFresh) return binary;
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(note, '{"private":true}\n');
  const flags = ["--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const { status, stderr, error } = npm(["install", ...flags, `${name}@${version}`], folder);
  // An older one is better than none.
  if (fs.existsSync(binary)) return binary;
  const said = (stderr ?? "").split("\n").find((line) => /npm (?:error|ERR!)/.test(line));
  throw new Error(said ?? error?.message ?? `npm install of ${name}@${version} ended with ${status}`);
}

/** A runtime that can be used, or why it cannot. */
export function prepare(id) {
  const described = RUNTIMES[id];
  const { title, command } = FAMILIES[described.family];
  try {
    const binary = described.name === undefined ? process.execPath : fetched(id, described);
    const version = /\d+\.\d+\.\d+\S*/.exec(execFileSync(binary, ["--version"], { encoding: "utf8" }))[0];
    const { family } = described;
    return { id, family, title: `${title} ${version}`, binary, version, command: command(binary) };
  } catch (error) {
    return { id, family: described.family, title: `${title} (${id})`, missing: error.message };
  }
}
