import { randomUUID } from "node:crypto";
import { readdirSync } from "node:fs";
import { readProc, readStat } from "../../process/proc.js";

/** An environment variable of a supervised program, inherited by all processes that it starts. */
const VARIABLE = "KSTLIB_SUPERVISED";

const onLinux = process.platform === "linux";
const onWindows = process.platform === "win32";

/**
 * Finds the processes of one run: the program and those that it has started.
 *
 * On Linux these are the members of its session and every process with the run's mark in its environment: once its
 * parent is gone, nothing else shows where a process in its own session (`setsid`, a browser, a daemon) came from. On
 * other systems it is the process group; on Windows only the program is known.
 */
export class RunProcesses {
  readonly #mark: string = randomUUID();
  #leader = 0;
  /** When the program started; older processes do not belong to it. */
  #began = 0;

  /** The environment of the program. A supervisor inside a supervised program keeps the outer mark. */
  environment(env: Readonly<Record<string, string | undefined>>): NodeJS.ProcessEnv {
    const outer = env[VARIABLE];
    return { ...env, [VARIABLE]: outer === undefined ? this.#mark : `${outer}:${this.#mark}` };
  }

  /** @param pid of the program, which leads a session and a process group. */
  begin(pid: number): void {
    this.#leader = pid;
    this.#began = onLinux ? (readStat(`/proc/${pid}`)?.start ?? 0) : 0;
  }

  /** How many processes there are. Except on Linux the group counts as one. */
  count(): number {
    return this.#find().length;
  }

  /** Sends a signal to each of them once. */
  sweep(signal: NodeJS.Signals): void {
    // All are found before the first is killed, and the group is signalled as a whole, so that none can escape.
    const found = this.#find();
    if (found.some(({ group }) => group === this.#leader)) send(-this.#leader, signal);
    for (const { pid, group } of found) {
      if (group !== this.#leader) send(pid, signal);
    }
  }

  #find(): readonly RunProcess[] {
    const leader = this.#leader;
    if (leader === 0 || onWindows) return [];
    if (!onLinux) return send(-leader, 0) ? [{ pid: leader, group: leader }] : [];
    return processes().flatMap((pid) => {
      const stat = readStat(`/proc/${pid}`);
      if (stat === undefined || stat.start < this.#began || stat.ended) return [];
      const isOurs = stat.session === leader || (readProc(`/proc/${pid}/environ`) ?? "").includes(this.#mark);
      return isOurs ? [{ pid, group: stat.group }] : [];
    });
  }
}

interface RunProcess {
  readonly pid: number;
  readonly group: number;
}

/** Sends a signal, to a group when `pid` is negative; `false` when no process received it. */
export function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    // It has exited or belongs to another user; the next count shows which.
    return false;
  }
}

/** Whether this process leads its session. A stopped session leader has no shell to resume it. */
export function leadsSession(): boolean {
  return process.pid === 1 || readStat("/proc/self")?.session === process.pid;
}

function processes(): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}
