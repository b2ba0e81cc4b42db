import path from "node:path";
import { type ReadConfig, readConfig } from "../../config/load.js";
import { ConfigError, type ConfigIssue } from "../../kernel/config-error.js";
import { fromHome } from "../../kernel/home-path.js";
import { type Terminal, UsageError } from "../command.js";
import { harmless } from "../plain-text.js";
import { painter } from "../style.js";

/** The options that select the file. */
export const WHERE: { readonly path: { type: "string" }; readonly cwd: { type: "string" } } = {
  path: { type: "string" },
  cwd: { type: "string" },
};

/** Their lines in the help. */
export const WHERE_HELP = `  --path <file>   the file, as the argument
  --cwd <folder>  where to look for it, instead of the working directory
                  (order: the argument, $KSTLIB_CONFIG, ./kstlib.conf.yml,
                  that file in the user's folders)`;

/** The file that was named, by the argument or by `--path`. */
export function namedFile(positionals: readonly string[], option: string | undefined): string | undefined {
  const named = option === undefined ? positionals : [...positionals, option];
  if (named.length > 1) throw new UsageError(`expected one file; got ${named.join(", ")}`);
  if (named[0] === "") throw new UsageError("the name of the file is empty");
  return named[0];
}

/** The place of an issue, as editors and terminals link it. */
export function placeOf({ file, line, column }: ConfigIssue): string {
  return line === undefined ? file : `${file}:${line}:${column}`;
}

/** Writes every mistake of a configuration on a line of its own, as `ConfigError` words them. */
export function writeIssues({ issues }: ConfigError, terminal: Terminal): void {
  const paint = painter(terminal.stderr, terminal.env);
  for (const issue of issues) {
    terminal.stderr.write(`${paint(harmless(placeOf(issue)), "bold")}: ${harmless(issue.message)}\n`);
  }
}

/** Writes a likely mistake on a line of its own. */
export function writeWarning(message: string, { stderr, env }: Terminal): void {
  stderr.write(`${painter(stderr, env)("warning", "yellow")}: ${harmless(message)}\n`);
}

/** Reads the configuration as an application in that place would; likely mistakes go to stderr. */
export function readAt(
  terminal: Terminal,
  values: { readonly path?: string; readonly cwd?: string },
  positionals: readonly string[],
): ReadConfig {
  const file = namedFile(positionals, values.path);
  const read = readConfig({
    path: file,
    cwd: path.resolve(terminal.cwd, fromHome(values.cwd ?? "")),
    env: terminal.env,
  });
  for (const { message } of read.slips) writeWarning(message, terminal);
  return read;
}
