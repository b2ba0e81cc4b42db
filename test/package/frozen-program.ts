import { expect } from "vitest";
import type { Program } from "./project.js";

/**
 * What a program does that has lost no worker thread: it is frozen until the monitor has found out, comes back, and
 * gets a SIGTERM, whose callback never returns. The waiting is short and repeated, to leave the CPU to others.
 */
export const FREEZES = `
const pause = new Int32Array(new SharedArrayBuffer(4));
function freezeUntil(isOver) {
  while (!isOver()) Atomics.wait(pause, 0, 0, 10);
}
process.on("warning", ({ code, message }) => console.log("warning", code, message));
const shutdown = new GracefulShutdown({ timeout: "100ms", forceExitCode: 75 });
shutdown.register("database", () => freezeUntil(() => false));
shutdown.install();
const watchdog = new Watchdog({ name: "feed", timeout: 1 });
watchdog.on("timeout", ({ kind }) => {
  console.log("timeout", kind);
  process.kill(process.pid, "SIGTERM");
});
watchdog.start();
setInterval(() => {}, 1000);
setImmediate(() => freezeUntil(() => watchdog.isTriggered));
`;

/** How such a program ends when the monitor and the deadline thread are there. */
export const HELD: Readonly<Record<string, unknown>> = {
  code: 75,
  stdout: "timeout blocked-js\n",
  stderr: expect.stringMatching(
    /^\[watchdog\] feed was not pinged for .* \(blocked-js\)\n(\s+at .*\n)+[^]*"database" blocks the thread; exiting with 75/m,
  ),
};

/** Waits for the end of a program. */
export async function outcomeOf(program: Program): Promise<Readonly<Record<string, unknown>>> {
  const code = await program.end();
  const { stdout, stderr } = program;
  return { code, stdout, stderr };
}
