import { type ChildProcess, spawn } from "node:child_process";

/**
 * Waits for the end of its standard input, which comes when the supervisor has ended, however it ended: then it ends
 * the process group whose number it has read last.
 */
const SCRIPT = `
run=
while read -r line; do run=$line; done
[ "$run" ] || exit 0
kill -s TERM -- "-$run" || exit 0
kill -s CONT -- "-$run"
while [ "$1" -gt 0 ] && kill -s 0 -- "-$run"; do
  sleep 1
  set -- $(($1 - 1))
done
kill -s KILL -- "-$run"
`;

/**
 * A shell of about a megabyte that ends the program if the supervisor is killed by SIGKILL, which cannot be caught.
 * Node cannot ask the kernel for that. Without a shell, and on Windows, there is no guardian.
 */
export class Guardian implements Disposable {
  #shell: ChildProcess | undefined;

  /** @param grace milliseconds between SIGTERM and SIGKILL. */
  constructor(grace: number) {
    if (process.platform === "win32") return;
    const shell = spawn("/bin/sh", ["-c", SCRIPT, "supervise-guardian", String(Math.ceil(grace / 1000))], {
      // A session of its own, so that neither Ctrl-C nor a signal to the supervisor's group reaches it.
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
    });
    const lost = (): void => {
      this.#shell = undefined;
    };
    shell.once("error", lost).once("exit", lost);
    shell.stdin.on("error", lost);
    // The stream is a socket, whatever the types say. The guardian must not keep the supervisor alive.
    if ("unref" in shell.stdin && typeof shell.stdin.unref === "function") shell.stdin.unref();
    shell.unref();
    this.#shell = shell;
  }

  /** @param pid the leader of the group to end; `undefined` for none. */
  guard(pid: number | undefined): void {
    this.#shell?.stdin?.write(`${pid ?? ""}\n`);
  }

  [Symbol.dispose](): void {
    this.#shell?.kill("SIGKILL");
    this.#shell = undefined;
  }
}
