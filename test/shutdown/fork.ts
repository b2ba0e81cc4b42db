import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface Outcome {
  readonly code: number | null;
  /** What ended it instead. */
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ForkOptions {
  /** The program. */
  readonly fixture?: string;
  /** Sends the signals to the program and all its children, as a terminal does. */
  readonly group?: boolean;
  /** Signals to send, each when its text has been printed. */
  readonly signals?: readonly (readonly [text: string, signal: NodeJS.Signals])[];
  /** What stands before the scenario: flags of Node. */
  readonly flags?: readonly string[];
  /** What stands behind the scenario. */
  readonly args?: readonly string[];
  /** A program that runs Node, with its arguments; the signals are for what it runs. */
  readonly through?: readonly string[];
  /** Closes the reading end of stdout as soon as the program is ready. */
  readonly deaf?: boolean;
}

/** The first child of a process, by its number out here. */
function childOf(pid: number): number {
  return Number.parseInt(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8"), 10);
}

/** Runs one scenario of a fixture to its end. */
export function fork(scenario: string, options: ForkOptions = {}): Promise<Outcome> {
  const { fixture: file = "shutdown-program.mjs" } = options;
  const fixture = fileURLToPath(new URL(`../fixtures/${file}`, import.meta.url));
  const [program = process.execPath, ...args] = [
    ...(options.through ?? []),
    process.execPath,
    ...(options.flags ?? []),
    fixture,
    scenario,
    ...(options.args ?? []),
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      detached: options.group ?? false,
    });
    const pending = [...(options.signals ?? [])];
    let stdout = "";
    let stderr = "";
    const told = (): void => {
      if (options.deaf === true && stdout.includes("ready")) child.stdout.destroy();
      const printed = stdout + stderr;
      for (let next = pending[0]; next !== undefined && printed.includes(next[0]); next = pending[0]) {
        pending.shift();
        const { pid = Number.NaN } = child;
        if (options.group === true) process.kill(-pid, next[1]);
        else process.kill(options.through === undefined ? pid : childOf(pid), next[1]);
      }
    };
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      told();
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
      told();
    });
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}
