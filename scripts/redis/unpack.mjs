// A server from the packages of Debian or Ubuntu, unpacked without root into a folder of the project.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { UNPACKED } from "../find-program.mjs";

const SOURCES = "/etc/apt/sources.list";
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

function run(command, args, cwd) {
  const { status, stdout } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    timeout: 120_000,
  });
  if (status !== 0) throw new Error(`${command} failed`);
  return stdout;
}

/** The system's own sources of packages, and Debian's backports, where Valkey is for Debian 12. */
function writeSources(folder) {
  const parts = path.join(folder, "sources.list.d");
  fs.mkdirSync(parts, { recursive: true });
  if (fs.existsSync(`${SOURCES}.d`)) fs.cpSync(`${SOURCES}.d`, parts, { recursive: true });
  if (fs.existsSync(SOURCES)) fs.copyFileSync(SOURCES, path.join(parts, "system.list"));
  const system = fs.readFileSync("/etc/os-release", "utf8");
  const [, codename] = /^VERSION_CODENAME=(\w+)/m.exec(system) ?? [];
  if (!/^ID=debian$/m.test(system) || codename === undefined || !fs.existsSync(KEYRING)) return parts;
  const texts = fs.readdirSync(parts).map((name) => fs.readFileSync(path.join(parts, name), "utf8"));
  const [mirror = "http://deb.debian.org/debian"] =
    /^(?:URIs:|deb) .*?\bhttps?:\/\/\S+\/debian\b/m.exec(texts.join("\n"))?.[0].match(/https?:\S+/) ?? [];
  const line = `deb [signed-by=${KEYRING}] ${mirror} ${codename}-backports main\n`;
  fs.writeFileSync(path.join(parts, "backports.list"), line);
  return parts;
}

/**
 * Whether it could be had. It leaves the package's files in `<folder>/<name>/root`, and `<folder>/<name>/<name>`, a script
 * that starts the program of that name.
 */
export function unpack(name) {
  const folder = path.join(UNPACKED, name);
  fs.rmSync(folder, { recursive: true, force: true });
  for (const part of ["state/lists/partial", "cache/archives/partial", "root"])
    fs.mkdirSync(path.join(folder, part), { recursive: true });
  const apt = [
    ["Dir::State", path.join(folder, "state")],
    ["Dir::State::status", "/var/lib/dpkg/status"],
    ["Dir::Cache", path.join(folder, "cache")],
    ["Dir::Etc::sourcelist", "/dev/null"],
    ["Dir::Etc::sourceparts", writeSources(folder)],
    ["Debug::NoLocking", "1"],
  ].flatMap(([key, value]) => ["-o", `${key}=${value}`]);
  try {
    run("apt-get", [...apt, "-qq", "update"], folder);
    const plan = run("apt-get", [...apt, "-s", "--no-install-recommends", "install", name], folder);
    const packages = [...plan.matchAll(/^Inst (\S+)/gm)].map(([, found]) => found);
    // The folder of root's is not open to the user that apt downloads as.
    run("apt-get", [...apt, "-o", "APT::Sandbox::User=root", "-qq", "download", ...packages], folder);
    for (const file of fs.readdirSync(folder).filter((entry) => entry.endsWith(".deb"))) {
      run("dpkg", ["-x", file, "root"], folder);
      fs.rmSync(path.join(folder, file));
    }
  } catch {
    fs.rmSync(folder, { recursive: true, force: true });
    return false;
  }
  for (const part of ["state", "cache"]) fs.rmSync(path.join(folder, part), { recursive: true });
  // Programs that lie elsewhere are found and started by who knows where.
  if (!fs.existsSync(path.join(folder, "root/usr/bin", name))) return true;
  const script = `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
for lib in "$here"/root/usr/lib/*-linux-gnu*; do LD_LIBRARY_PATH=$lib\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}; done
export LD_LIBRARY_PATH
exec "$here/root/usr/bin/${name}" "$@"
`;
  fs.writeFileSync(path.join(folder, name), script, { mode: 0o755 });
  return true;
}
