import fs from "node:fs";
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

/** Leaves no file behind if it cannot be written, as on a full disk. */
function create(file: string, text: string): void {
  const descriptor = fs.openSync(file, "wx");
  try {
    fs.writeFileSync(descriptor, text);
  } catch (error) {
    fs.rmSync(file, { force: true });
    throw error;
  } finally {
    fs.closeSync(descriptor);
  }
}

/** Not emptied first: on a full disk there is always room for the old text. */
function overwrite(file: string, text: string | Buffer): void {
  fs.writeFileSync(file, text, { flag: "r+" });
  fs.truncateSync(file, Buffer.byteLength(text));
}

/** Replaces the text in place, which keeps owner, mode and links; keeps the old text if that fails. */
function replace(file: string, text: string): void {
  // A link to a file that does not exist yet, or a device.
  if (fs.statSync(file, { throwIfNoEntry: false })?.isFile() !== true) return fs.writeFileSync(file, text);
  const old = fs.readFileSync(file);
  try {
    overwrite(file, text);
  } catch (error) {
    overwrite(file, old);
    throw error;
  }
}

function write(file: string, text: string, force: boolean): void {
  try {
    create(file, text);
  } catch (error) {
    if (!force || !hasCode(error, "EEXIST")) throw error;
    replace(file, text);
  }
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
      write(file, starterFile(), values.force);
    } catch (error) {
      throw new UsageError(explain(error, file), { cause: error });
    }
    terminal.stdout.write(`wrote ${harmless(file)}\n`);
    return 0;
  },
};
