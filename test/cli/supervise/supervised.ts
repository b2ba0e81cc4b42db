import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../../dist/cli/main.js", import.meta.url));
export const fixture: string = fileURLToPath(
  new URL("../../fixtures/supervised-program.mjs", import.meta.url),
);

/** A line of `--json`. */
export type Line = Readonly<Record<string, unknown>> & { readonly event: string };

const LIMIT = 60_000;

/** A supervisor in a process of its own, with a folder of its own. */
export class Supervised {
  static readonly #all: Supervised[] = [];
  readonly folder: string = fs.mkdtempSync(path.join(os.tmpdir(), "supervise-"));
  readonly #env: Readonly<Record<string, string>>;
  readonly #mark = randomUUID();
  #child: ChildProcess | undefined;
  #stdout = "";
  #stderr = "";
  #ended: Promise<number | null> | undefined;
  readonly #waiting = new Set<() => void>();

  /** @param env variables for the supervisor. */
  constructor(env: Readonly<Record<string, string>> = {}) {
    this.#env = env;
    Supervised.#all.push(this);
  }

  /** Ends whatever a failed test has left. */
  static async end(): Promise<void> {
    for (const supervised of this.#all.splice(0)) {
      for (const pid of supervised.processes()) kill(pid);
      await supervised.#ended;
      fs.rmSync(supervised.folder, { recursive: true, force: true });
    }
  }

  /** Runs `supervise` with these options before `--` and this command after it. */
  start(options: readonly string[], command: readonly string[], through: readonly string[] = []): this {
    const [program = "", ...args] = [
      ...through,
      process.execPath,
      main,
      "supervise",
      ...(options.includes("--text")
        ? options.filter((option) => option !== "--text")
        : ["--json", ...options]),
      "--",
      ...command,
    ];
    const child = spawn(program, args, {
      env: { ...process.env, NO_COLOR: "", ...this.#env, SUPERVISE_TEST: this.#mark },
      cwd: this.folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const told = (): void => {
      for (const check of this.#waiting) check();
    };
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout += text;
      told();
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
      told();
    });
    this.#ended = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code, signal) => resolve(signal === null ? code : -os.constants.signals[signal]));
    });
    this.#child = child;
    return this;
  }

  /** {@link start} for a scenario of the fixture, with its arguments. */
  scenario(
    options: readonly string[],
    scenario: string | readonly string[],
    through?: readonly string[],
  ): this {
    const [name = "", ...args] = [scenario].flat();
    return this.start(options, [process.execPath, fixture, name, this.folder, ...args], through);
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** What `--json` has told up to now. */
  get lines(): readonly Line[] {
    return this.#stderr
      .split("\n")
      .slice(0, -1)
      .filter((line) => line.startsWith("{"))
      .map((line): Line => JSON.parse(line));
  }

  events(name: string): readonly Line[] {
    return this.lines.filter(({ event }) => event === name);
  }

  kill(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Its exit code; below 0 when a signal ended it. */
  get code(): Promise<number | null> {
    return within(this.#ended ?? Promise.resolve(null), () => this.#story("it does not end"));
  }

  /** Waits for something to be printed. */
  async until(isTrue: () => boolean): Promise<void> {
    if (isTrue()) return;
    let check = (): void => undefined;
    const come = new Promise<void>((resolve) => {
      check = (): void => {
        if (isTrue()) resolve();
      };
      this.#waiting.add(check);
    });
    try {
      await within(come, () => this.#story(`nothing came of ${String(isTrue)}`));
    } finally {
      this.#waiting.delete(check);
    }
  }

  /** Every living process that has to do with this test. */
  processes(): readonly number[] {
    return fs
      .readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name) && carries(name, this.#mark))
      .map(Number);
  }

  #story(what: string): Error {
    return new Error(`${what}; stdout: ${this.#stdout} stderr: ${this.#stderr}`);
  }
}

function carries(pid: string, mark: string): boolean {
  try {
    return fs.readFileSync(`/proc/${pid}/environ`, "latin1").includes(mark);
  } catch {
    return false;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Gone in the meantime.
  }
}

async function within<Result>(promise: Promise<Result>, late: () => Error): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(late()), LIMIT);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}
