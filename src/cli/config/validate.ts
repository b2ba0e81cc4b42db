import type { ReadConfig } from "../../config/load.js";
import { ConfigError } from "../../kernel/config-error.js";
import { toSnakeCase } from "../../kernel/snake-case.js";
import { hasCode } from "../../kernel/system-error.js";
import { pipelineDoubts } from "../../pipeline-doubts.js";
import { parseArguments } from "../arguments.js";
import { type Command, type Terminal, UsageError } from "../command.js";
import { harmless } from "../plain-text.js";
import { painter } from "../style.js";
import { placeOf, readAt, WHERE, WHERE_HELP, writeIssues, writeWarning } from "./read.js";

const HELP = `Usage: kstlib-resilience config validate [file] [options]

Checks a configuration file and all that it includes, and prints every mistake
with its line and column, what was found and what is allowed. What can be used,
but is likely not meant, is a warning: a key that looks misspelt, a policy of a
pipeline that can never act, a pipeline that code would have to complete.

Options:
${WHERE_HELP}
  -h, --help      this text

Exit code:
  0  the file can be used; there may be warnings on stderr
  1  it has mistakes; they are on stderr
  2  there is no file, or the command line is wrong

Examples:
  kstlib-resilience config validate
  kstlib-resilience config validate kstlib.conf.yml
`;

/** Whether the file itself is missing, rather than wrong. */
function isMissing({ cause }: ConfigError): boolean {
  return hasCode(cause, "ENOENT");
}

/** What a program would be told when it makes the pipelines of the file; each with its place. */
function warnOfPipelines({ config, sources }: ReadConfig, terminal: Terminal): void {
  for (const { keys, message } of pipelineDoubts(config)) {
    // The first two are spelled as they are: the section and the name of the pipeline.
    const inFile = ["resilience", ...keys.slice(0, 2), ...keys.slice(2).map(toSnakeCase)];
    const issue = sources.findLast((source) => source.has(inFile))?.issue(inFile, "key", message);
    writeWarning(issue === undefined ? message : `${placeOf(issue)}: ${message}`, terminal);
  }
}

/** `kstlib-resilience config validate`. */
export const configValidate: Command = {
  name: "config validate",
  summary: "every mistake in a configuration file, with its line",
  help: HELP,
  async run(args: readonly string[], terminal: Terminal): Promise<number> {
    const { values, positionals } = parseArguments(args, WHERE);
    try {
      const read = readAt(terminal, values, positionals);
      const { file, sources, slips } = read;
      if (file === undefined) throw new UsageError("there is no configuration file; the defaults apply");
      if (slips.some((slip) => slip.isTotal && slip.file === file)) {
        terminal.stderr.write(`nothing in ${harmless(file)} is read\n`);
        return 1;
      }
      warnOfPipelines(read, terminal);
      const included = sources.length - 1;
      const and = included === 0 ? "" : ` and the ${included} that it includes`;
      const paint = painter(terminal.stdout, terminal.env);
      terminal.stdout.write(`${paint("ok", "green")}: ${harmless(file)}${and}\n`);
      return 0;
    } catch (error) {
      if (!(error instanceof ConfigError) || isMissing(error)) throw error;
      writeIssues(error, terminal);
      return 1;
    }
  },
};
