// What the servers of tests and demos need: a port of their own, and an end with the process that started them.
import { spawn } from "node:child_process";
import net from "node:net";

/** @param {number} port */
function isFree(port) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** Below those that systems give to outgoing connections, so that a server finds its port free after a restart. */
export async function freePort() {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 12_000);
    // The nodes of a cluster of Redis also listen 10,000 above.
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port;
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
