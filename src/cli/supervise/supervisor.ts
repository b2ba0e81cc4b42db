import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { hasCode } from "../../kernel/system-error.js";
import type { Timer } from "../../kernel/clock.js";
import { messageOf } from "../../kernel/message-of.js";
import type { Terminal } from "../command.js";
import type { SuperviseAction, SuperviseEvent } from "./events.js";
import { Guardian } from "./guardian.js";
import { RunProcesses, leadsSession, send } from "./run-processes.js";
import { showCommand } from "./lines.js";
import { SuperviseMachine } from "./machine.js";
import { BeatDetector, readVersion, readVersionSync } from "./beat-detector.js";
import type { SuperviseSettings } from "./settings.js";
import { signalRoles } from "./signals.js";

const NOT_EXECUTABLE = 126;
const NOT_FOUND = 127;

const onWindows = process.platform === "win32";

/**
 * Runs a program, and restarts it as the machine decides. Resolves with the exit code when everything has ended.
 */
export async function keepRunning(
  settings: SuperviseSettings,
  terminal: Pick<Terminal, "clock" | "env" | "cwd">,
  hasTerminal: boolean,
  tell: (event: SuperviseEvent) => void,
): Promise<number> {
  const guardian = new Guardian(settings.grace);
  const { code, hungUp } = await new Promise<End>((finish) => {
    new Supervisor(settings, terminal, guardian, tell, finish).begin(hasTerminal);
  }).finally(() => guardian[Symbol.dispose]());
  // A normal exit would make Node 20 abort, because it cannot restore the mode of a closed terminal.
  if (hungUp) process.kill(process.pid, "SIGHUP");
  return code;
}

function ignore(): void {}

interface End {
  readonly code: number;
  /** The terminal has been closed. */
  readonly hungUp: boolean;
}

class Supervisor {
  readonly #settings: SuperviseSettings;
  readonly #terminal: Pick<Terminal, "clock" | "env" | "cwd">;
  readonly #guardian: Guardian;
  readonly #tell: (event: SuperviseEvent) => void;
  readonly #finish: (end: End) => void;
  readonly #machine: SuperviseMachine;
  readonly #listeners = new Map<NodeJS.Signals, () => void>();
  #child: ChildProcess | undefined;
  #processes: RunProcesses = new RunProcesses();
  #beats: BeatDetector = new BeatDetector(null);
  #timer: Timer | undefined;
  #hungUp = false;

  constructor(
    settings: SuperviseSettings,
    terminal: Pick<Terminal, "clock" | "env" | "cwd">,
    guardian: Guardian,
    tell: (event: SuperviseEvent) => void,
    finish: (end: End) => void,
  ) {
    this.#settings = settings;
    this.#terminal = terminal;
    this.#guardian = guardian;
    this.#tell = tell;
    this.#finish = finish;
    this.#machine = new SuperviseMachine(settings, showCommand(settings.command));
  }

  begin(hasTerminal: boolean): void {
    for (const [signal, role] of signalRoles(hasTerminal)) {
      // A stopped session leader has no shell to resume it.
      if (role.role === "suspend" && leadsSession()) continue;
      const listener = (): void => {
        this.#hungUp ||= signal === "SIGHUP" && role.role === "stop";
        this.#do(this.#machine.signalled(signal, role, this.#now()));
      };
      this.#listeners.set(signal, listener);
      process.on(signal, listener);
    }
    this.#do(this.#machine.begin());
  }

  #do(actions: readonly SuperviseAction[]): void {
    for (const action of actions) this.#act(action);
    this.#timer?.cancel();
    const at = this.#machine.wakeAt;
    this.#timer =
      at === undefined
        ? undefined
        : this.#terminal.clock.setTimer(
            () => this.#do(this.#machine.wake(this.#now())),
            Math.max(0, at - this.#now()),
          );
  }

  #act(action: SuperviseAction): void {
    switch (action.do) {
      case "start":
        return this.#start();
      case "tell":
        return this.#tell(action.event);
      case "signal":
        return this.#signal(action.signal, action.to);
      case "sweep":
        this.#processes.sweep(action.signal);
        // Needed on Windows, where only the program itself is known.
        if (action.signal === "SIGKILL") this.#signal("SIGKILL", "program");
        return undefined;
      case "count":
        return this.#count();
      case "look":
        return void this.#look();
      case "suspend":
        this.#signal("SIGSTOP", "group");
        process.kill(process.pid, "SIGSTOP");
        return undefined;
      case "finish":
        for (const [signal, listener] of this.#listeners) {
          // A pending signal must not change how the process ends, except SIGHUP, which `keepRunning` sends.
          if (!this.#hungUp) process.on(signal, ignore);
          process.off(signal, listener);
        }
        return this.#finish({ code: action.code, hungUp: this.#hungUp });
    }
  }

  #start(): void {
    const { command, heartbeat } = this.#settings;
    const { cwd, env } = this.#terminal;
    const [program, ...args] = command;
    // The current content was written by an earlier run.
    this.#beats = new BeatDetector(heartbeat === undefined ? null : readVersionSync(heartbeat.file));
    this.#processes = new RunProcesses();
    try {
      const child = spawn(program, args, {
        cwd,
        env: this.#processes.environment(env),
        stdio: "inherit",
        // Its own session and process group: Ctrl-C reaches it only once, through the supervisor, and the processes
        // that it starts can be ended with it.
        detached: !onWindows,
      });
      this.#child = child;
      child.on("error", (error) => this.#failed(child, error));
      child.once("exit", (code, signal) => this.#exited(code, signal));
      if (child.pid === undefined) return;
      this.#processes.begin(child.pid);
      this.#guardian.guard(child.pid);
      this.#do(this.#machine.started(child.pid, this.#now()));
    } catch (error) {
      this.#failed(undefined, error);
    }
  }

  #failed(child: ChildProcess | undefined, error: unknown): void {
    // "error" is also emitted if a signal cannot be sent.
    if (child?.pid !== undefined) return;
    const isMissing = hasCode(error, "ENOENT");
    const isPassing = hasCode(error, "EAGAIN", "ENOMEM", "EMFILE", "ENFILE");
    const said = messageOf(error);
    const reason = isMissing ? this.#missing() : said;
    const code = isMissing ? NOT_FOUND : NOT_EXECUTABLE;
    this.#do(this.#machine.startFailed(reason, code, !isPassing, this.#now()));
  }

  /** The system's error does not tell whether the command or its interpreter was not found. */
  #missing(): string {
    const [program] = this.#settings.command;
    return program.includes("/") && existsSync(path.resolve(this.#terminal.cwd, program))
      ? "the file exists, but the interpreter or loader that it needs does not"
      : "command not found";
  }

  #exited(code: number | null, signal: NodeJS.Signals | null): void {
    this.#do(this.#machine.exited(code, signal, this.#now()));
  }

  #count(): void {
    const count = this.#processes.count();
    // From now on the system may reuse the pid.
    if (count === 0) this.#guardian.guard(undefined);
    this.#do(this.#machine.counted(count, this.#now()));
  }

  /** Sends nothing to a process that has exited, because its pid may have been reused. */
  #signal(signal: NodeJS.Signals, to: "program" | "group"): void {
    const child = this.#child;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    if (to === "group" && !onWindows) send(-child.pid, signal);
    else child.kill(signal);
  }

  async #look(): Promise<void> {
    const { heartbeat } = this.#settings;
    const { run } = this.#machine;
    const version = heartbeat === undefined ? null : await readVersion(heartbeat.file);
    if (run === this.#machine.run) {
      const sign = this.#beats.look(version);
      this.#do(this.#machine.looked(sign, this.#now(), this.#beats.interval));
    }
  }

  #now(): number {
    return this.#terminal.clock.now();
  }
}
