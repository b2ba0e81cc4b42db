// Programs that some tests talk to: environment variable, PATH, apt-get when root on Debian, or unpacked from its
// packages, else a visible SKIPPED.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { findProgram, onPath } from "./find-program.mjs";
import { POSTGRES } from "./postgres/tool.mjs";
import { unpack } from "./redis/unpack.mjs";

const TOOLS = [
  { name: "python3", variable: "PYTHON_PATH", programs: ["python3", "python"] },
  { name: "tmux", variable: "TMUX_PATH", programs: ["tmux"] },
  { name: "dumb-init", variable: "DUMB_INIT_PATH", programs: ["dumb-init"] },
  { name: "tini", variable: "TINI_PATH", programs: ["tini"] },
  { name: "busybox", variable: "BUSYBOX_PATH", programs: ["busybox"] },
  { name: "systemd", variable: "SYSTEMD_NOTIFY_PATH", programs: ["systemd-notify"] },
  // What needs no root and no setting up is unpacked where it cannot be installed.
  { name: "redis-server", variable: "REDIS_SERVER", programs: ["redis-server"], unpacks: true },
  { name: "valkey-server", variable: "VALKEY_SERVER", programs: ["valkey-server"], unpacks: true },
  { name: "postgresql", ...POSTGRES, unpacks: true },
  { name: "prometheus", variable: "PROMETHEUS_PATH", programs: ["prometheus"], unpacks: true },
];

function canInstall() {
  const isRootOnDebian =
    process.platform === "linux" && process.getuid() === 0 && fs.existsSync("/etc/debian_version");
  return isRootOnDebian && onPath("apt-get") !== undefined && process.env.NO_APT !== "1";
}

function canUnpack() {
  const isLinux = process.platform === "linux" && fs.existsSync("/etc/debian_version");
  return isLinux && ["apt-get", "dpkg"].every(onPath) && process.env.NO_APT !== "1";
}

function aptGet(...args) {
  const patience = ["-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=2"];
  const { status } = spawnSync("apt-get", [...patience, "-qq", ...args], {
    stdio: ["ignore", "ignore", "inherit"],
    timeout: 300_000,
    // RUNLEVEL=1 keeps the packages from starting their services.
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" },
  });
  return status === 0;
}

/**
 * Makes programs available where possible.
 * @param {readonly string[]} [names] default all
 * @returns {readonly string[]} those that are still missing
 */
export function ensurePrograms(names = TOOLS.map(({ name }) => name)) {
  const wanted = TOOLS.filter(({ name }) => names.includes(name));
  const missing = wanted.filter((tool) => findProgram(tool) === undefined);
  if (missing.length === 0) return [];
  if (canInstall()) {
    console.log(`system: installing ${missing.map((tool) => tool.name).join(", ")} with apt-get`);
    aptGet("update");
    for (const { name } of missing) aptGet("install", "-y", "--no-install-recommends", name);
  }
  for (const tool of missing) {
    if (!tool.unpacks || findProgram(tool) !== undefined || !canUnpack()) continue;
    console.log(`system: unpacking ${tool.name}`);
    unpack(tool.name);
  }
  return missing.filter((tool) => findProgram(tool) === undefined).map(({ name }) => name);
}

/** Makes all programs available where possible; reports each one that is missing. */
export function ensureSystem() {
  for (const name of ensurePrograms()) {
    console.log(`SKIPPED the tests that need ${name}: it is not installed`);
  }
}
