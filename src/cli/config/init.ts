import { writeFileSync } from "node:fs";
import path from "node:path";
import { FILE_NAME } from "../../config/discover.js";
import { hasCode } from "../../kernel/system-error.js";
import { fromHome } from "../../kernel/home-path.js";
import { messageOf } from "../../kernel/message-of.js";
import { parseArguments } from "../arguments.js";
import { type Command, type Terminal, UsageError } from "../command.js";
import { harmless } from "../plain-text.js";
import { starterFile } from "./starter-file.js";

const HELP = `Usage: kstlib-resilience config init [file] [--force]

Writes a configuration file to start from (default: kstlib.conf.yml): every
option, commented out, with its default or an example, and what it is for. With
- for the file it goes to stdout.

Options:
  --force     write it even when there is such a file already
  -h, --help  this text

Exit code:
  0  written
  2  there is such a file, it cannot be written, or the command line is wrong

Examples:
  kstlib-resilience config init
  kstlib-resilience config init kstlib.conf.yml --force
  kstlib-resilience config init -
`;

function explain(error: unknown, file: string): string {
  if (hasCode(error, "EEXIST")) return `${file} already exists; --force overwrites it`;
  if (hasCode(error, "ENOENT")) return `${path.dirname(file)} is not a folder`;
  return messageOf(error);
}

/** `kstlib-resilience config init`. */
export const configInit: Command = {
  name: "config init",
  summary: "a commented configuration file to start from",
  help: HELP,
  async run(args: readonly string[], terminal: Terminal): Promise<number> {
    const { values, positionals } = parseArguments(args, { force: { type: "boolean", default: false } });
    const [target = FILE_NAME, ...more] = positionals;
    if (more.length > 0 || target === "")
      throw new UsageError(
        `init takes one file name; got ${positionals.map((name) => JSON.stringify(name)).join(", ")}`,
      );
    if (target === "-") {
      terminal.stdout.write(starterFile());
      return 0;
    }
    const file = path.resolve(terminal.cwd, fromHome(target));
    try {
      writeFileSync(file, starterFile(), { flag: values.force ? "w" : "wx" });
    } catch (error) {
      throw new UsageError(explain(error, file), { cause: error });
    }
    terminal.stdout.write(`wrote ${harmless(file)}\n`);
    return 0;
  },
};
