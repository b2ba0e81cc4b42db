import type { Clock } from "../kernel/clock.js";
import { isError } from "../kernel/is-error.js";

/** One of the two streams that a command writes to. */
export interface Output {
  readonly isTTY: boolean;
  /** The width of the terminal; `undefined` if it is not a terminal. */
  readonly columns: number | undefined;
  /** The height of the terminal, if known. */
  readonly rows?: number | undefined;
  write(text: string): void;
  /** Calls the listener when the size of the terminal changes, until the returned function is called. */
  onResize?(listener: () => void): () => void;
}

/** What a command may use of its environment; tests replace it. */
export interface Terminal {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly clock: Clock;
  /**
   * Aborts when the command should end: on SIGINT, SIGTERM or SIGHUP (the reason is that name), or when the reader of
   * stdout has closed it (`"EPIPE"`). Those signals end a command that never uses this property, as by default.
   */
  readonly signal: AbortSignal;
}

/** A command of the command line. */
export interface Command {
  /** The words that the user types, including the group: `config show`. */
  readonly name: string;
  readonly summary: string;
  /** What `--help` prints; ends with a line break. */
  readonly help: string;
  /** Resolves with the exit code; throws {@link UsageError} if the command line is wrong. */
  run(args: readonly string[], terminal: Terminal): Promise<number>;
}

/** The exit code if the command cannot answer: a mistake on the command line or an unusable file. */
export const EXIT_USAGE = 2;

/** The command line is wrong; the message goes to stderr and the exit code is 2. */
export class UsageError extends Error {
  override readonly name: string = "UsageError";

  /** Compares names, because a command that is loaded separately may have its own copy of the class. */
  static is(error: unknown): error is Error {
    return isError(error) && error.name === "UsageError";
  }
}
