// A redis-server (or valkey-server) of one's own: on a free port, in a folder of its own, ended with this process.
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createClient } from "redis";
import { findProgram } from "../find-program.mjs";
import { freePort, guard } from "../server-process.mjs";

/**
 * @typedef {object} ServerOptions
 * @property {"redis" | "valkey"} [kind] Default `redis`.
 * @property {string} [password] Of the user `default`.
 * @property {readonly string[]} [users] Rules of further users, as after `ACL SETUSER`: `"reader on >secret ~* +get"`.
 * @property {{ key: string, cert: string }} [tls] Files; the port then speaks TLS alone.
 * @property {string} [maxmemory] Such as `"2mb"`; nothing is evicted then, so that writes fail.
 * @property {string} [configuration] The text of a file, which the server may rewrite: a sentinel needs one.
 * @property {readonly string[]} [args] More arguments of the program.
 *
 * @typedef {Awaited<ReturnType<typeof startServer>>} Server
 */

/**
 * The program that would be started; `undefined` where there is none.
 * @param {"redis" | "valkey"} [kind]
 * @returns {string | undefined}
 */
export function findServer(kind = "redis") {
  return findProgram({ variable: `${kind.toUpperCase()}_SERVER`, programs: [`${kind}-server`] });
}

/** Starts the program, and waits until it accepts connections. */
async function launch(program, args, folder) {
  const child = spawn(program, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  if (child.pid === undefined) throw (await once(child, "error"))[0];
  const watcher = guard(child.pid, folder, "KILL");
  const ended = once(child, "exit");
  void ended.then(() => watcher.kill("SIGKILL"));
  let said = "";
  await new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.unref();
      stream.on("data", (chunk) => {
        if (said.length < 20_000) said += chunk;
        if (/Ready to accept connections|Running mode=sentinel|Sentinel ID is/.test(said)) resolve(undefined);
      });
    }
    child.once("exit", (code, signal) =>
      reject(new Error(`${program} ended at once (${code ?? signal}):\n${said}`)),
    );
  });
  child.unref();
  return { child, ended };
}

/**
 * Starts a server on a free port of 127.0.0.1. It saves nothing, and does not keep this process alive.
 * @param {ServerOptions} [options]
 */
export async function startServer(options = {}) {
  const { kind = "redis", password, users = [], tls, maxmemory, configuration, args = [] } = options;
  const program = findServer(kind);
  if (program === undefined) throw new Error(`${kind}-server is not installed`);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), `${kind}-server-`));
  const port = await freePort();
  const file = path.join(folder, "server.conf");
  if (configuration !== undefined) fs.writeFileSync(file, configuration);
  const all = [
    ...(configuration === undefined ? ["--save", "", "--appendonly", "no"] : [file]),
    ...(password === undefined ? [] : ["--requirepass", password, "--masterauth", password]),
    ...users.flatMap((user) => ["--user", ...user.split(" ")]),
    ...(maxmemory === undefined ? [] : ["--maxmemory", maxmemory, "--maxmemory-policy", "noeviction"]),
    ...(tls === undefined
      ? ["--port", String(port)]
      : ["--port", "0", "--tls-port", String(port), "--tls-auth-clients", "no"]),
    ...(tls === undefined ? [] : ["--tls-cert-file", tls.cert, "--tls-key-file", tls.key]),
    "--bind",
    "127.0.0.1",
    "--dir",
    folder,
    "--repl-diskless-sync-delay",
    "0",
    ...args,
  ];
  let running = await launch(program, all, folder);

  const kill = async () => {
    running.child.ref();
    running.child.kill("SIGKILL");
    await running.ended;
  };
  const server = {
    port,
    folder,
    /** Without a password. */
    url: `${tls === undefined ? "redis" : "rediss"}://127.0.0.1:${port}`,
    get pid() {
      return running.child.pid;
    },
    /**
     * Sends one command over a connection of its own, as the user `default`.
     * @param {...(string | number)} words
     * @returns {Promise<any>}
     */
    async command(...words) {
      const client = createClient({
        url: server.url,
        ...(password === undefined ? {} : { password }),
        ...(tls === undefined ? {} : { socket: { tls: true, rejectUnauthorized: false } }),
      });
      client.on("error", () => {});
      await client.connect();
      try {
        return await client.sendCommand(words.map(String));
      } finally {
        client.destroy();
      }
    },
    /** Ends it like a crash: what it held is lost. */
    kill9: kill,
    /** Starts it again on the same port, empty. */
    async restart() {
      await kill();
      running = await launch(program, all, folder);
    },
    /** It keeps its connections, and answers nothing. */
    freeze() {
      running.child.kill("SIGSTOP");
    },
    thaw() {
      running.child.kill("SIGCONT");
    },
    /** Ends it and removes its folder. */
    async stop() {
      await kill();
      fs.rmSync(folder, { recursive: true, force: true });
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };
  return server;
}
