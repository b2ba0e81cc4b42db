import type { ChildProcessByStdio } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { realClock } from "../kernel/clock.js";

/** How long a notice may take, in milliseconds; `systemd-notify` itself waits 5 s for the manager. */
const TIMEOUT = 8000;

// Node has no Unix datagram sockets. The shell is started once and runs `systemd-notify` for each line: starting a
// program from this process would copy its page tables, which blocks the loop for about 50 ms per gigabyte. The shell
// and its children ignore the signals that systemd sends to all processes of a unit, so that STOPPING=1 still arrives.
// The shell exits when its standard input closes, however this process ends. No line of a notice contains spaces, so
// each word is one argument.
const SCRIPT = `trap '' TERM INT HUP
set -f
while read -r line; do
  if said=$(systemd-notify $line 2>&1 >/dev/null); then echo ok; else echo failed $said; fi
done`;

interface Pending {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * A small process that forwards notices. It is started for the first notice, and again if it has died. It keeps this
 * process alive only while a notice is being sent. Notices must be sent one at a time.
 */
export class NotifyHelper {
  readonly #socket: string;
  #child: ChildProcessByStdio<Writable, Readable, null> | undefined;
  #pending: Pending | undefined;
  #answer = "";

  constructor(socket: string) {
    this.#socket = socket;
  }

  /** Sends one notice; rejects if that fails. */
  readonly send = async (message: string): Promise<void> => {
    const child = (this.#child ??= this.#start());
    const timeout = realClock.setTimer(() => this.kill(), TIMEOUT);
    this.#keepAlive(child, true);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#pending = { resolve, reject };
        child.stdin.write(`${message.replaceAll("\n", " ")}\n`);
      });
    } finally {
      timeout.cancel();
      this.#pending = undefined;
      this.#keepAlive(child, false);
    }
  };

  /** Ends the process; resolves when it has exited. */
  end(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return Promise.resolve();
    const timeout = realClock.setTimer(() => this.kill(), TIMEOUT);
    return new Promise<void>((resolve) => {
      child.ref();
      child.once("exit", () => {
        timeout.cancel();
        resolve();
      });
      child.stdin.end();
    });
  }

  #start(): ChildProcessByStdio<Writable, Readable, null> {
    // Loaded only under systemd.
    const { spawn } = process.getBuiltinModule("node:child_process");
    const child = spawn("/bin/sh", ["-c", SCRIPT], {
      stdio: ["pipe", "pipe", "ignore"],
      env: { ...process.env, NOTIFY_SOCKET: this.#socket },
      // So that the shell keeps no folder of the application in use and gets no signals from its terminal.
      cwd: "/",
      detached: true,
    });
    const lose = (reason: string): void => {
      if (this.#child === child) this.#child = undefined;
      this.#pending?.reject(new Error(reason));
    };
    child.once("error", (error) => lose(error.message));
    child.once("exit", (code, signal) => lose(`its helper process ended with ${signal ?? code}`));
    // The shell has exited, which "exit" reports.
    child.stdin.on("error", () => undefined);
    child.stdout.setEncoding("utf8").on("data", (text: string) => this.#read(text));
    return child;
  }

  #read(text: string): void {
    this.#answer += text;
    const end = this.#answer.indexOf("\n");
    if (end < 0) return;
    const line = this.#answer.slice(0, end);
    this.#answer = "";
    if (line === "ok") this.#pending?.resolve();
    else this.#pending?.reject(new Error(line.replace(/^failed /, "")));
  }

  #keepAlive(child: ChildProcessByStdio<Writable, Readable, null>, isOn: boolean): void {
    // Both pipes are sockets, though their types do not say so.
    for (const handle of [child, child.stdin, child.stdout]) {
      const change: unknown = Reflect.get(handle, isOn ? "ref" : "unref");
      if (typeof change === "function") Reflect.apply(change, handle, []);
    }
  }

  /** Kills the whole process group, because it may be `systemd-notify` that hangs. */
  kill(): void {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // It has already exited.
    }
  }
}
