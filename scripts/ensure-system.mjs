// Programs that some tests talk to: environment variable, PATH, apt-get when root on Debian, else a visible SKIPPED.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

const TOOLS = [
  { name: "python3", variable: "PYTHON_PATH", programs: ["python3", "python"] },
  { name: "tmux", variable: "TMUX_PATH", programs: ["tmux"] },
  { name: "dumb-init", variable: "DUMB_INIT_PATH", programs: ["dumb-init"] },
  { name: "tini", variable: "TINI_PATH", programs: ["tini"] },
  { name: "busybox", variable: "BUSYBOX_PATH", programs: ["busybox"] },
  { name: "systemd", variable: "SYSTEMD_NOTIFY_PATH", programs: ["systemd-notify"] },
];

function isProgram(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

function onPath(program) {
  const endings = process.platform === "win32" ? [".exe"] : [""];
  return (process.env.PATH ?? "")
    .split(path.delimiter)
    .flatMap((folder) => endings.map((ending) => path.join(folder, program + ending)))
    .find(isProgram);
}

function find({ variable, programs }) {
  const given = process.env[variable];
  if (given !== undefined && given !== "") return isProgram(given) ? given : undefined;
  for (const program of programs) {
    const found = onPath(program);
    if (found !== undefined) return found;
  }
  return undefined;
}

function canInstall() {
  const isRootOnDebian =
    process.platform === "linux" && process.getuid() === 0 && fs.existsSync("/etc/debian_version");
  return isRootOnDebian && onPath("apt-get") !== undefined && process.env.NO_APT !== "1";
}

function aptGet(...args) {
  const patience = ["-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=2"];
  const { status } = spawnSync("apt-get", [...patience, "-qq", ...args], {
    stdio: ["ignore", "ignore", "inherit"],
    timeout: 300_000,
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" },
  });
  return status === 0;
}

/** Makes the programs available where possible; reports each one that is missing. */
export function ensureSystem() {
  const missing = TOOLS.filter((tool) => find(tool) === undefined);
  if (missing.length === 0) return;
  if (canInstall()) {
    console.log(`system: installing ${missing.map((tool) => tool.name).join(", ")} with apt-get`);
    aptGet("update");
    for (const { name } of missing) aptGet("install", "-y", "--no-install-recommends", name);
  }
  for (const tool of missing) {
    if (find(tool) === undefined)
      console.log(`SKIPPED the tests that need ${tool.name}: it is not installed`);
  }
}
