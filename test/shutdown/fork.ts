import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ForkOptions {
  /** Signals to send, each when its text has been printed. */
  readonly signals?: readonly (readonly [text: string, signal: NodeJS.Signals])[];
  /** What stands before the scenario: flags of Node. */
  readonly flags?: readonly string[];
  /** What stands behind the scenario. */
  readonly args?: readonly string[];
  /** A program that runs Node, with its arguments. */
  readonly through?: readonly string[];
  /** Closes the reading end of stdout as soon as the program is ready. */
  readonly deaf?: boolean;
}

/** Runs one scenario of the fixture to its end. */
export function fork(scenario: string, options: ForkOptions = {}): Promise<Outcome> {
  const fixture = fileURLToPath(new URL("../fixtures/shutdown-program.mjs", import.meta.url));
  const [program, ...args] = [
    ...(options.through ?? []),
    process.execPath,
    ...(options.flags ?? []),
    fixture,
    scenario,
    ...(options.args ?? []),
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    const pending = [...(options.signals ?? [])];
    let stdout = "";
    let stderr = "";
    const told = (): void => {
      if (options.deaf === true && stdout.includes("ready")) child.stdout.destroy();
      const printed = stdout + stderr;
      for (let next = pending[0]; next !== undefined && printed.includes(next[0]); next = pending[0]) {
        pending.shift();
        child.kill(next[1]);
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
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}
