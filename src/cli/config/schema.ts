import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { parseArguments } from "../arguments.js";
import { type Command, type Terminal, UsageError } from "../command.js";

const HELP = `Usage: kstlib-resilience config schema

Prints the JSON Schema of the configuration file, for editors and for checks
without Node. The package has it as @kstlib/resilience/schema.json.

Options:
  -h, --help  this text

Examples:
  kstlib-resilience config schema > kstlib.schema.json
`;

/** `kstlib-resilience config schema`. */
export const configSchema: Command = {
  name: "config schema",
  summary: "the JSON Schema of the configuration file",
  help: HELP,
  async run(args: readonly string[], terminal: Terminal): Promise<number> {
    const { positionals } = parseArguments(args, {});
    if (positionals.length > 0)
      throw new UsageError(`schema takes no argument; got ${positionals.join(", ")}`);
    const file = createRequire(import.meta.url).resolve("@kstlib/resilience/schema.json");
    terminal.stdout.write(readFileSync(file, "utf8"));
    return 0;
  },
};
