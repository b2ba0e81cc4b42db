import { type ChildProcess, spawn } from "node:child_process";

/**
 * Waits for its standard input to close, which happens however the supervisor ends, and then ends the process group
 * whose number it has read last.
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
 * A shell (about 1 MB) that ends the program if the supervisor is killed by SIGKILL, which cannot be caught. Node
 * cannot ask the kernel to do that. Without a shell, and on Windows, there is no guardian.
 */
export class Guardian implements Disposable {
  #shell: ChildProcess | undefined;

  /** @param grace milliseconds between SIGTERM and SIGKILL. */
  constructor(grace: number) {
    if (process.platform === "win32") return;
    const shell = spawn("/bin/sh", ["-c", SCRIPT, "supervise-guardian", String(Math.ceil(grace / 1000))], {
      // Its own session, so that neither Ctrl-C nor a signal to the supervisor's group reaches it.
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
    });
    const lost = (): void => {
      this.#shell = undefined;
    };
    shell.once("error", lost).once("exit", lost);
    shell.stdin.on("error", lost);
    // The guardian must not keep the supervisor alive. The stream is a socket, although its type is not.
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
