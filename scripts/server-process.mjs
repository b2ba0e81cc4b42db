// What the servers of tests and demos need: a port of their own, and an end with the process that started them.
import { spawn } from "node:child_process";
import net from "node:net";

/** Whether a port could be listened on; when `held`, it is until this process ends. */
function listens(port, { held = false } = {}) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.unref();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => (held ? resolve(true) : server.close(() => resolve(true))));
  });
}

/**
 * Below those that systems give to outgoing connections, so that a server finds its port free after a restart too.
 * The port 20,000 above is held until this process ends: nobody else who asks here is given this one, or even tries it.
 * @returns {Promise<number>}
 */
export async function freePort() {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 2_700);
    if (!(await listens(port + 20_000, { held: true }))) continue;
    // The nodes of a cluster of Redis also listen 10,000 above.
    if ((await listens(port)) && (await listens(port + 10_000))) return port;
  }
}

/**
 * Ends a program and removes its folder when this process is gone, however it ended.
 * @param {number} pid
 * @param {string} folder
 * @param {string} signal Its name without `SIG`.
 */
export function guard(pid, folder, signal) {
  const script = 'read -r _; kill -"$3" "$1" && rm -rf "$2"';
  const shell = spawn("sh", ["-c", script, "sh", String(pid), folder, signal], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  shell.unref();
  shell.stdin.unref();
  return shell;
}
