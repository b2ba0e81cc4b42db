import { realClock } from "../kernel/clock.js";
import { EXIT_USAGE, type Output, type Terminal, UsageError } from "./command.js";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** A standard stream, opened when first used: a probe that prints one line needs only one. */
class StreamOutput implements Output {
  readonly #open: () => NodeJS.WriteStream;
  readonly #lost: (error: Error) => void;
  #stream: NodeJS.WriteStream | undefined;

  constructor(open: () => NodeJS.WriteStream, lost: (error: Error) => void) {
    this.#open = open;
    this.#lost = lost;
  }

  get isTTY(): boolean {
    // Only a terminal has this property, although the type always has it.
    return "isTTY" in this.#opened();
  }

  get columns(): number | undefined {
    return this.#opened().columns;
  }

  get rows(): number | undefined {
    return this.#opened().rows;
  }

  write(text: string): void {
    this.#opened().write(text);
  }

  onResize(listener: () => void): () => void {
    const stream = this.#opened().on("resize", listener);
    return () => void stream.off("resize", listener);
  }

  #opened(): NodeJS.WriteStream {
    this.#stream ??= this.#open().on("error", this.#lost);
    return this.#stream;
  }
}

/** The terminal of this process. */
export class ProcessTerminal implements Terminal {
  readonly stdout: Output = new StreamOutput(
    () => process.stdout,
    (error) => this.#lost(error),
  );
  // Without stderr there is nowhere to report an error.
  readonly stderr: Output = new StreamOutput(
    () => process.stderr,
    () => undefined,
  );
  readonly env: Terminal["env"] = process.env;
  readonly clock: Terminal["clock"] = realClock;
  readonly #controller = new AbortController();
  #listens = false;

  get cwd(): string {
    try {
      return process.cwd();
    } catch (error) {
      throw new UsageError("the working directory no longer exists; change to another one", { cause: error });
    }
  }

  get signal(): AbortSignal {
    if (!this.#listens) {
      this.#listens = true;
      // `once`, so that a second signal ends the process immediately.
      for (const signal of SIGNALS) process.once(signal, () => this.#controller.abort(signal));
    }
    return this.#controller.signal;
  }

  #lost(error: Error): void {
    this.#controller.abort("EPIPE");
    // A reader such as `| head` that closes early is not an error; a full disk is.
    if ("code" in error && error.code === "EPIPE") return;
    process.exitCode = EXIT_USAGE;
    this.stderr.write(`cannot write to stdout: ${error.message}\n`);
  }
}
