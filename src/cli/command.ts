import type { Clock } from "../kernel/clock.js";
import { isError } from "../kernel/is-error.js";

/** One of the two streams that a command writes to. */
export interface Output {
  readonly isTTY: boolean;
  /** The width of the terminal; `undefined` when it is not one. */
  readonly columns: number | undefined;
  /** The height of the terminal, where it is known. */
  readonly rows?: number | undefined;
  write(text: string): void;
  /** Calls the listener when the terminal's size changes, until the function that it returns is called. */
  onResize?(listener: () => void): () => void;
}

/** What a command may use of the world; tests give it another. */
export interface Terminal {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly clock: Clock;
  /**
   * Aborted when the user has had enough: SIGINT, SIGTERM or SIGHUP (the reason is that name), or nobody reads
   * stdout any more (`"EPIPE"`). A command that never asks for it dies of those signals as any program does.
   */
  readonly signal: AbortSignal;
}

/** One word of the command line. */
export interface Command {
  /** As the user writes it, `config show` with its group. */
  readonly name: string;
  readonly summary: string;
  /** All that `--help` prints; ends with a line break. */
  readonly help: string;
  /** Returns the exit code; throws {@link UsageError} for a command line that cannot be understood. */
  run(args: readonly string[], terminal: Terminal): Promise<number>;
}

/** The exit code of what never came to an answer: a mistake on the command line, a file that cannot be used. */
export const EXIT_USAGE = 2;

/** The user asked for something that cannot be done; the message goes to stderr, the exit code is 2. */
export class UsageError extends Error {
  override readonly name: string = "UsageError";

  /** By name: what a command is loaded from has a class of its own. */
  static is(error: unknown): error is Error {
    return isError(error) && error.name === "UsageError";
  }
}
