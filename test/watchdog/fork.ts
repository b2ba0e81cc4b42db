import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

// These programs run the built package, by its name.
export const built: string = fileURLToPath(new URL("../../dist/index.js", import.meta.url));

export function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
}

export interface Run {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stderr: string;
  readonly events: readonly Readonly<Record<string, unknown>>[];
}

export interface RunOptions {
  /** Called when it prints the event `ready`. */
  readonly onReady?: (pid: number) => void;
  /** Called with all that it has written to stderr so far. */
  readonly onStderr?: (text: string) => void;
  /** An open file that takes its stderr instead. */
  readonly stderr?: number;
  /** A command that runs another one, and its options. */
  readonly wrapper?: readonly string[];
}

/** Runs a program that prints one JSON line for each event. */
export function run(
  args: readonly string[],
  { onReady, onStderr, stderr: instead, wrapper = [] }: RunOptions = {},
): Promise<Run> {
  const [command = process.execPath, ...rest] = [...wrapper, process.execPath, ...args];
  return new Promise((resolve, reject) => {
    const child = spawn(command, rest, {
      stdio: ["ignore", "pipe", instead ?? "pipe"],
      timeout: 90_000,
      killSignal: "SIGKILL",
    });
    let stdout = "";
    let stderr = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      stdout += String(chunk);
      if (chunk.includes('"ready"') && child.pid !== undefined) onReady?.(child.pid);
    });
    child.stderr?.on("data", (chunk: Buffer) => {
      stderr += String(chunk);
      onStderr?.(stderr);
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      const lines = stdout.split("\n").filter((line) => line.startsWith("{"));
      const events = lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
      resolve({ code, signal, stderr, events });
    });
  });
}

export function checkBuilt(): void {
  if (!existsSync(built)) throw new Error("dist/ is not there; run: npm run build");
}
