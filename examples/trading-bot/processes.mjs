// @ts-check
// The processes of a demo: started with a channel, heard, asked to end, and none left behind.
import { fork } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** @typedef {import("node:child_process").ChildProcess} ChildProcess */

// Longer than a bot's own shutdown timeout: killing it is the last resort.
const STOP_WITHIN_MS = 15_000;
// npm passes on a Ctrl-C that the terminal has sent to this process already: two at once count as one.
const SECOND_SIGNAL_AFTER_MS = 500;

/** @type {Set<ChildProcess>} */
const children = new Set();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

/** @param {URL} program @param {string[]} args @param {(line: string) => void} onLine what it writes */
export function start(program, args, onLine) {
  const child = fork(fileURLToPath(program), args, {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    // A process group of its own: Ctrl-C reaches this process alone, which then asks the bot to shut down.
    detached: true,
  });
  children.add(child);
  child.once("exit", () => children.delete(child));
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null) createInterface(stream).on("line", onLine);
  }
  return child;
}

/** Resolves with the child's message of this type; rejects if the child ends before. @param {ChildProcess} child @param {string} type @returns {Promise<any>} */
export function hears(child, type) {
  return new Promise((resolve, reject) => {
    child.on("message", (/** @type {any} */ message) => message.type === type && resolve(message));
    child.once("exit", (code, signal) => reject(new Error(`${child.spawnargs[1]} ended: ${signal ?? code}`)));
  });
}

/** @param {ChildProcess} child */
export function isGone(child) {
  return child.exitCode !== null || child.signalCode !== null;
}

/** How the child ended: its exit code, or the name of a signal. @param {ChildProcess} child @param {() => void} ask */
export async function ended(child, ask) {
  if (isGone(child)) return child.signalCode ?? child.exitCode;
  const exit = once(child, "exit");
  ask();
  const force = setTimeout(() => child.kill("SIGKILL"), STOP_WITHIN_MS);
  const [code, signal] = await exit;
  clearTimeout(force);
  return signal ?? code;
}

/** Asks a bot to shut down in order. @param {ChildProcess} bot */
export function terminate(bot) {
  // Windows has no SIGTERM that can be caught.
  if (process.platform === "win32") bot.send("stop");
  else bot.kill("SIGTERM");
}

/** Resolves with the exit code of the first signal; a second signal ends this process at once. @returns {Promise<number | undefined>} */
export function interruption() {
  return new Promise((resolve) => {
    let first = 0;
    for (const [signal, number] of Object.entries({ SIGINT: 2, SIGTERM: 15, SIGHUP: 1 })) {
      process.on(signal, () => {
        if (first > 0 && performance.now() - first > SECOND_SIGNAL_AFTER_MS) process.exit(128 + number);
        first ||= performance.now();
        resolve(128 + number);
      });
    }
  });
}
