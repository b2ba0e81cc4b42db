// @ts-check
// What a demo prints: a live view where there is a terminal for it, lines otherwise, and the summary with its exit code.
import { table } from "./summary.mjs";
import { useColours } from "./terminal.mjs";

const { env, stdout } = process;
// The reader of the pipe has gone.
stdout.on("error", () => process.exit(1));

/** Whether the live view can be shown; without it colours are off as well. @param {boolean} plain lines are wanted */
export function isLive(plain) {
  const colours = stdout.isTTY && !env["NO_COLOR"] && !env["CI"];
  useColours(colours);
  return colours && !plain && env["TERM"] !== "dumb";
}

/** Prints lines as wide as the terminal, or unbroken without one. @param {(width: number) => string[]} lines */
export function print(lines) {
  for (const line of lines(stdout.isTTY ? stdout.columns : Infinity)) console.log(line);
}

/**
 * Prints the summary and ends the process: with 0 when every promise held, 1 when one did not, and otherwise with the
 * code of the signal that ended the demo early.
 *
 * @param {import("./summary.mjs").Promised[]} promises @param {number | undefined} signal @param {boolean} keepRunning then a signal is the only end
 */
export function conclude(promises, signal, keepRunning) {
  for (const line of table(promises, stdout.isTTY ? stdout.columns : 120)) console.log(line);
  const failed = promises.some(({ held }) => held === false || (held === undefined && signal === undefined));
  process.exitCode = failed ? 1 : signal !== undefined && !keepRunning ? signal : 0;
  // After everything is written; pending handles must not keep the process alive.
  stdout.write("", () => process.exit());
}
