import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";
import { expect, vi } from "vitest";
import { isRunning } from "../process/is-running.js";

export const python: boolean = spawnSync("python3", ["--version"]).status === 0;

/** A demo, started as a user would, and what it prints. */
export class Demo {
  readonly child: ChildProcess;
  readonly #closed: Promise<unknown[]>;
  output = "";

  constructor(command: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
    const { NO_COLOR: _noColour, CI: _ci, ...env } = process.env;
    this.child = spawn(command, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...env, TERM: "xterm-256color", ...environment },
    });
    this.#closed = once(this.child, "close");
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => (this.output += text));
    }
  }

  async exitCode(): Promise<unknown> {
    const [code] = await this.#closed;
    return code;
  }

  async prints(expected: RegExp): Promise<void> {
    while (!expected.test(this.text)) {
      if (this.child.exitCode !== null) throw new Error(`ended without ${String(expected)}:\n${this.text}`);
      await sleep(50);
    }
  }

  get text(): string {
    return stripVTControlCharacters(this.output);
  }

  /** The processes that it says it started. */
  get processes(): number[] {
    return [...new Set([...this.text.matchAll(/process (\d+)/g)].map(([, pid]) => Number(pid)))];
  }
}

export async function expectNothingLeft(demo: Demo, processes: number): Promise<void> {
  expect(demo.processes).toHaveLength(processes);
  await vi.waitFor(() => expect(demo.processes.filter(isRunning)).toEqual([]), 60_000);
}

export function marks(text: string): string[] {
  return [...text.matchAll(/^ {2}([✓✗–]) /gm)].map(([, mark]) => mark ?? "");
}
