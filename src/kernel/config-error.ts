import { brandError, ResilienceError } from "./errors.js";

/** One mistake in a configuration file. */
export interface ConfigIssue {
  /** The file's absolute path. */
  readonly file: string;
  /** Line, from 1; `undefined` when the file as a whole is at fault (it is missing, say). */
  readonly line: number | undefined;
  /** Column, from 1. */
  readonly column: number | undefined;
  /** The key's path, `resilience.circuit_breaker.max_failures`; empty when the file as a whole is at fault. */
  readonly keyPath: string;
  /** What was found and what is allowed. */
  readonly message: string;
}

const MOST_SHOWN = 10;

function place(issue: ConfigIssue): string {
  return issue.line === undefined ? issue.file : `${issue.file}:${issue.line}:${issue.column}`;
}

function describe(issues: readonly ConfigIssue[]): string {
  const lines = issues.slice(0, MOST_SHOWN).map((issue) => `${place(issue)}: ${issue.message}`);
  if (issues.length > MOST_SHOWN) lines.push(`… and ${issues.length - MOST_SHOWN} more`);
  return lines.join("\n");
}

/**
 * A configuration file cannot be used. `file`, `line`, `column` and `keyPath` are those of the first mistake,
 * `issues` has all of them. `code`: `ERR_CONFIG`.
 */
export class ConfigError extends ResilienceError {
  readonly file: string;
  readonly line: number | undefined;
  readonly column: number | undefined;
  readonly keyPath: string;
  readonly issues: readonly ConfigIssue[];

  constructor(issues: readonly [ConfigIssue, ...ConfigIssue[]], options?: ErrorOptions) {
    super("ERR_CONFIG", describe(issues), options);
    const [first] = issues;
    this.file = first.file;
    this.line = first.line;
    this.column = first.column;
    this.keyPath = first.keyPath;
    this.issues = Object.freeze([...issues]);
    // The message already contains them; printing them again would make it hard to find.
    Object.defineProperty(this, "issues", { enumerable: false });
  }
}
brandError(ConfigError, "ConfigError");
