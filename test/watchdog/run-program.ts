import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** What a program of `test/fixtures` has come to. */
export interface Run {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stderr: string;
  /** The JSON objects that it has printed, one a line. */
  readonly events: readonly Readonly<Record<string, unknown>>[];
}

export function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
}

/** Runs Node with these arguments until it ends. */
export function runProgram(args: readonly string[]): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], timeout: 28_000 });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += String(chunk);
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += String(chunk);
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      const lines = stdout.split("\n").filter((line) => line.startsWith("{"));
      const events = lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
      resolve({ code, signal, stderr, events });
    });
  });
}
