// A PostgreSQL server of one's own: on a free port, in a folder of its own, ended with this process.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { findProgram } from "../find-program.mjs";
import { freePort, guard } from "../server-process.mjs";
import { POSTGRES } from "./tool.mjs";

// A server of tests need not survive a loss of power, and must not fill the memory.
const SETTINGS = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  shared_buffers: "8MB",
  max_connections: "40",
  dynamic_shared_memory_type: "mmap",
  max_parallel_workers_per_gather: "0",
  autovacuum: "off",
  lc_messages: "C",
};

/** The program that would be started; `undefined` where there is none. */
export function findPostgres() {
  return findProgram(POSTGRES);
}

/** PostgreSQL refuses to run as root: then it runs as nobody. */
function runAs() {
  if (process.getuid?.() !== 0) return {};
  const [, uid, gid] = /^nobody:[^:]*:(\d+):(\d+)/m.exec(fs.readFileSync("/etc/passwd", "utf8")) ?? [];
  return { uid: Number(uid), gid: Number(gid) };
}

/** What a program that was unpacked finds its libraries by. */
function libraries(folder) {
  const all = path.resolve(folder, "../../..");
  const found = fs.readdirSync(all).filter((name) => name.includes("-linux-gnu"));
  return found.map((name) => path.join(all, name)).join(path.delimiter);
}

/** Starts a server with the database and the user `postgres`, who needs no password. */
export async function startPostgres() {
  const found = findPostgres();
  if (found === undefined) throw new Error("postgres is not installed");
  // Its other programs lie beside it; what the PATH has may be a link.
  const programs = path.dirname(fs.realpathSync(found));
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "postgres-server-"));
  const user = runAs();
  if (user.uid !== undefined) fs.chownSync(folder, user.uid, user.gid);
  const env = { ...process.env, LC_ALL: "C", LD_LIBRARY_PATH: libraries(programs) };
  const data = path.join(folder, "data");
  const options = { cwd: folder, env, ...user };
  const made = spawnSync(
    path.join(programs, "initdb"),
    ["-D", data, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"],
    { ...options, encoding: "utf8" },
  );
  if (made.status !== 0) {
    fs.rmSync(folder, { recursive: true, force: true });
    throw new Error(`initdb failed: ${made.stderr || made.error?.message}`);
  }
  const port = await freePort();
  const settings = Object.entries({ ...SETTINGS, port: String(port) });
  const child = spawn(
    path.join(programs, "postgres"),
    ["-D", data, ...settings.flatMap(([name, value]) => ["-c", `${name}=${value}`])],
    { ...options, stdio: ["ignore", "ignore", "pipe"] },
  );
  if (child.pid === undefined) throw (await once(child, "error"))[0];
  // QUIT ends all of its processes at once, and leaves no shared memory.
  const watcher = guard(child.pid, folder, "QUIT");
  const ended = once(child, "exit");
  void ended.then(() => watcher.kill("SIGKILL"));
  let said = "";
  await new Promise((resolve, reject) => {
    child.stderr.setEncoding("utf8").on("data", (text) => {
      if (said.length < 20_000) said += text;
      if (said.includes("ready to accept connections")) resolve(undefined);
    });
    child.once("exit", () => reject(new Error(`postgres ended at once:\n${said}`)));
  });
  child.stderr.unref();
  child.unref();

  const server = {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    port,
    folder,
    pid: child.pid,
    /** Ends it and removes its folder. */
    async stop() {
      child.ref();
      child.kill("SIGQUIT");
      await ended;
      fs.rmSync(folder, { recursive: true, force: true });
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };
  return server;
}
