import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const NAME = "@kstlib/resilience";

// Not when a test ends: with concurrent tests it is not known which one calls. A dozen projects with packages of
// their own are not removed in the ten seconds that a hook has.
const endings: (() => void)[] = [];
afterAll(() => {
  for (const end of endings.toReversed()) end();
}, 300_000);

/** Runs npm, without a shell where npm gives its own path. */
export function npm(args: readonly string[], cwd: string): string {
  const cli = process.env["npm_execpath"];
  const direct = cli !== undefined && path.basename(cli) === "npm-cli.js";
  const { status, stdout, stderr } = direct
    ? spawnSync(process.execPath, [cli, ...args], { cwd, encoding: "utf8" })
    : spawnSync("npm", args, { cwd, encoding: "utf8", shell: process.platform === "win32" });
  if (status !== 0) throw new Error(`npm ${args.join(" ")} failed:\n${stdout}${stderr}`);
  return stdout;
}

/** The unpacked tarball of the build as it is now: packed once, then shared by all test processes. */
function packed(): string {
  const stamp = fs.readFileSync(path.join(root, "dist", ".stamp"), "utf8").trim();
  const folder = path.join(root, ".cache", "packed", stamp.slice(0, 16));
  if (fs.existsSync(folder)) return folder;
  fs.mkdirSync(path.dirname(folder), { recursive: true });
  const scratch = fs.mkdtempSync(path.join(path.dirname(folder), "new-"));
  // The tests have built it already; another build would replace dist/ under the other tests.
  npm(["pack", "--ignore-scripts", "--silent", "--pack-destination", scratch], root);
  const tarball = fs.readdirSync(scratch).find((file) => file.endsWith(".tgz")) ?? "";
  const { status } = spawnSync("tar", ["-xzf", tarball], {
    cwd: scratch,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (status !== 0) throw new Error(`tar could not unpack ${tarball}`);
  try {
    fs.renameSync(path.join(scratch, "package"), folder);
  } catch (error) {
    // Another test process was first.
    if (!fs.existsSync(folder)) throw error;
  }
  fs.rmSync(scratch, { recursive: true, force: true });
  return folder;
}

/** A program that runs in a project. */
export class Program {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  #wake = (): void => {};
  stdout = "";
  stderr = "";

  constructor(child: ChildProcess) {
    this.#child = child;
    const hear = (name: "stdout" | "stderr") => (text: string) => {
      this[name] += text;
      this.#wake();
    };
    child.stdout?.setEncoding("utf8").on("data", hear("stdout"));
    child.stderr?.setEncoding("utf8").on("data", hear("stderr"));
    child.stdin?.on("error", () => {});
    this.#closed = once(child, "close").finally(() => this.#wake());
    void this.#closed.catch(() => {});
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.#child.spawnfile} did not start`);
    return this.#child.pid;
  }

  /** All that it has printed, for a test's message. */
  get printed(): string {
    return `${this.stdout}\n--- stderr\n${this.stderr}`;
  }

  /** Waits until it has printed this text, to either stream; fails when it ends without. */
  async prints(text: string): Promise<void> {
    while (!`${this.stdout}\n${this.stderr}`.includes(text)) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        await this.#closed;
        if (`${this.stdout}\n${this.stderr}`.includes(text)) return;
        throw new Error(`it ended without "${text}":\n${this.printed}`);
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Signals it and all its children, as a terminal does. */
  signalGroup(signal: NodeJS.Signals): void {
    process.kill(-this.pid, signal);
  }

  write(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** Waits for its end: the exit code, or the name of the signal that ended it. */
  async end(): Promise<number | NodeJS.Signals | null> {
    await this.#closed;
    return this.#child.exitCode ?? this.#child.signalCode;
  }

  /** Ends it and all that it has started. */
  kill(): void {
    try {
      this.signalGroup("SIGKILL");
    } catch {
      // The group has gone already, or never was.
    }
  }
}

/** A project of a user, outside the checkout, that has the packed package installed. */
export class Project {
  readonly folder: string = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "project-")));

  constructor() {
    endings.push(() => fs.rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 }));
    this.write("package.json", { name: "app", private: true });
    // Copied, not linked: a link would lead back to the checkout and to its node_modules.
    fs.cpSync(packed(), this.path("node_modules", NAME), { recursive: true });
    this.link("yaml", "structured-headers");
  }

  path(...parts: readonly string[]): string {
    return path.join(this.folder, ...parts);
  }

  /** Writes a file; anything but text is written as JSON. Returns its path. */
  write(file: string, content: unknown): string {
    const target = this.path(file);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.writeFileSync(target, typeof content === "string" ? content : JSON.stringify(content, null, 2));
    return target;
  }

  /** Makes packages of the checkout's lockfile available here. */
  link(...packages: readonly string[]): this {
    for (const name of packages) {
      const target = this.path("node_modules", name);
      fs.mkdirSync(path.dirname(target), { recursive: true });
      fs.symlinkSync(path.join(root, "node_modules", name), target, "junction");
    }
    return this;
  }

  /** Installs packages from the registry: for packages too large for the lockfile, in `*.matrix.ts` alone. */
  install(...packages: readonly string[]): this {
    const flags = ["--no-save", "--no-audit", "--no-fund", "--loglevel=error"];
    // npm removes what it does not know of, our own package among it.
    fs.rmSync(this.path("node_modules"), { recursive: true, force: true });
    npm(["install", "--install-links", ...flags, packed(), ...packages], this.folder);
    return this;
  }

  /** The script behind a command of a package. */
  bin(name: string, command: string = name): string {
    const folder = this.path("node_modules", name);
    const { bin } = JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8")) as {
      bin: string | Record<string, string>;
    };
    return path.join(folder, typeof bin === "string" ? bin : (bin[command] ?? ""));
  }

  /** Starts a command in the project, in a process group of its own. */
  start(command: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Program {
    return this.startIn(this.folder, command, args, env);
  }

  /** Starts a command in another folder, as {@link start} does. */
  startIn(cwd: string, command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Program {
    const child = spawn(command, args, {
      cwd,
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
      env: { ...process.env, ...env },
    });
    const program = new Program(child);
    endings.push(() => program.kill());
    return program;
  }

  /** Starts a script of the project by the Node at hand. */
  node(...args: readonly string[]): Program {
    return this.start(process.execPath, args);
  }

  /** Runs a command to its end; throws what it printed unless it ends with 0. Returns its stdout. */
  async run(command: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<string> {
    const program = this.start(command, args, env);
    const end = await program.end();
    if (end !== 0) throw new Error(`${path.basename(command)} ended with ${end}:\n${program.printed}`);
    return program.stdout;
  }
}
