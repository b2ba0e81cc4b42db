// Runs one small program on a runtime and judges it from outside, by its output and how it ends.
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const PROGRAMS = path.join(import.meta.dirname, "programs");
/** How long anything may take before it counts as hanging, in milliseconds; the machine may be busy. */
const PATIENCE = 30_000;

/** A runtime's inability, in the library's words if it reported it. */
export class Unable extends Error {}

/** A capability with a limit on this runtime, in the words of the library's warning. */
export class Limited extends Error {}

/** A capability that does not apply to this runtime or machine. */
export class NotApplicable extends Error {}

/** Fails unless `condition` holds. */
export function must(condition, why) {
  if (!condition) throw new Error(why);
}

class Program {
  #child;
  #ended;
  stdout = "";
  stderr = "";

  constructor([program, ...args], options) {
    // In its own process group, so that its children can be ended with it.
    this.#child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], detached: true, ...options });
    for (const name of ["stdout", "stderr"]) {
      this.#child[name].setEncoding("utf8").on("data", (text) => (this[name] += text));
    }
    this.#child.stdin.on("error", () => {});
    this.#ended = new Promise((resolve) => {
      this.#child.on("error", (error) => resolve({ error }));
      this.#child.on("close", (code, signal) => resolve({ code, signal }));
    });
    void this.#ended.then((outcome) => (this.outcome = outcome));
  }

  get pid() {
    return this.#child.pid;
  }

  get events() {
    const whole = this.stdout.slice(0, this.stdout.lastIndexOf("\n") + 1);
    return whole.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line)] : []));
  }

  /** The first warning of the library that it has reported. */
  get warning() {
    return this.events.find(({ event, code }) => event === "warning" && code !== undefined);
  }

  signal(name) {
    this.#child.kill(name);
  }

  /** Writes a line to its stdin, for which it may wait. */
  tell() {
    this.#child.stdin.write("\n");
  }

  /** Ends its stdin, for which a program may wait. */
  endInput() {
    this.#child.stdin.end("\n");
  }

  /** Waits until `find` finds something in this program. */
  async until(find, what) {
    for (const end = performance.now() + PATIENCE; ;) {
      const found = find(this);
      // A pattern without a match returns null.
      if (found !== undefined && found !== false && found !== null) return found;
      if (this.outcome !== undefined) throw new Error(`${what} did not come; it ${this.#ending()}`);
      if (performance.now() > end) throw new Error(`${what} did not come within ${PATIENCE / 1000} s`);
      await sleep(10);
    }
  }

  /** Waits for a line with this event. */
  event(name) {
    return this.until(({ events }) => events.find(({ event }) => event === name), `"${name}"`);
  }

  /** Waits for the end; throws when it does not come. */
  async end() {
    const late = new AbortController();
    const none = sleep(PATIENCE, undefined, { signal: late.signal }).catch(() => {});
    const outcome = await Promise.race([this.#ended, none]);
    late.abort();
    if (outcome === undefined) throw new Error(`it did not end within ${PATIENCE / 1000} s`);
    if (outcome.error !== undefined) throw outcome.error;
    return { ...outcome, stdout: this.stdout, stderr: this.stderr };
  }

  /** Waits for the end and fails unless it is as expected: an exit code, or the name of a signal. */
  async endsWith(expected) {
    const outcome = await this.end();
    must((outcome.signal ?? outcome.code) === expected, `it ${this.#ending()}, not with ${expected}`);
    return outcome;
  }

  #ending() {
    const { code, signal, error } = this.outcome;
    return error === undefined
      ? `ended with ${signal ?? `exit code ${code}`}`
      : `did not start: ${error.message}`;
  }

  kill() {
    try {
      if (this.pid !== undefined) process.kill(-this.pid, "SIGKILL");
    } catch {
      // The whole group is gone.
    }
  }
}

/** What a judge uses: a runtime to start programs on, and a folder for their files. */
export class Outside {
  #programs = [];
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "matrix-"));

  constructor(runtime) {
    this.runtime = runtime;
  }

  /** Starts `programs/<file>` with its arguments. */
  start(file, args = [], { flags = [], through = [], command = this.runtime.command, ...options } = {}) {
    const line = [...through, ...command, ...flags, path.resolve(PROGRAMS, file), ...args];
    const program = new Program(line, options);
    this.#programs.push(program);
    return program;
  }

  /** A file in the folder of this judge. */
  file(name) {
    return path.join(this.folder, name);
  }

  end() {
    for (const program of this.#programs) program.kill();
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

function resultOf(error) {
  if (error instanceof Limited) return "yes";
  return error instanceof NotApplicable ? "n.a." : "no";
}

/** The result of one capability on one runtime. */
export async function judge(capability, runtime) {
  const outside = new Outside(runtime);
  try {
    await capability.judge(outside);
    return { result: "yes" };
  } catch (error) {
    return { result: resultOf(error), why: error.message };
  } finally {
    outside.end();
  }
}
