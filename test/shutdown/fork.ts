import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one scenario of the fixture; sends each signal when its text has been printed. */
export function fork(
  scenario: string,
  signals: readonly [text: string, signal: NodeJS.Signals][] = [],
): Promise<Outcome> {
  const program = fileURLToPath(new URL("../fixtures/shutdown-program.mjs", import.meta.url));
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, scenario], { stdio: ["ignore", "pipe", "pipe"] });
    const pending = [...signals];
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      for (let next = pending[0]; next !== undefined && stdout.includes(next[0]); next = pending[0]) {
        pending.shift();
        child.kill(next[1]);
      }
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}
