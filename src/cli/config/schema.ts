import { configSchema as makeSchema } from "../../config/schema.js";
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
    terminal.stdout.write(`${JSON.stringify(makeSchema(), null, 2)}\n`);
    return 0;
  },
};
