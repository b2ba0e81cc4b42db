import path from "node:path";
import {
  effectiveSections,
  type EffectiveSection,
  type EffectiveValue,
  type Origin,
} from "../../config/origins.js";
import type { ReadConfig } from "../../config/load.js";
import { parseArguments } from "../arguments.js";
import type { Command, Terminal } from "../command.js";
import { harmless, harmlessJson } from "../plain-text.js";
import { type Paint, painter } from "../style.js";
import { type Cell, type Column, tableLines } from "../table.js";
import { flowYaml } from "./flow-yaml.js";
import { readAt, WHERE, WHERE_HELP } from "./read.js";
import { configReport, includedFiles } from "./report.js";

const HELP = `Usage: kstlib-resilience config show [file] [options]

Shows the values in effect: every option, its value, and the file and line that
it comes from, or that it is the default. For an instance: what the files set,
by its own name or through its section.

Options:
${WHERE_HELP}
  --json          one JSON object
  -h, --help      this text

Exit code:
  0  shown
  2  the file cannot be used, or the command line is wrong

Examples:
  kstlib-resilience config show
  kstlib-resilience config show kstlib.conf.yml --json
  KSTLIB_CONFIG=kstlib.conf.yml kstlib-resilience config show
`;

const COLUMNS: readonly Column[] = [
  { title: "" },
  { title: "", least: 8, cutFirst: 1 },
  { title: "", least: 7, cutFirst: 0 },
];

/** The path as a user would type it here. */
function nearPath(file: string, cwd: string): string {
  const relative = path.relative(cwd, file);
  return relative === "" || relative.startsWith("..") ? file : relative;
}

function originText(origin: Origin | undefined, cwd: string): string {
  return origin === undefined ? "default" : `${nearPath(origin.file, cwd)}:${origin.line}`;
}

function valueRow({ keys, value, origin }: EffectiveValue, indent: string, cwd: string): readonly Cell[] {
  const isDefault = origin === undefined;
  const text = value === undefined ? "-" : harmless(flowYaml(value));
  return [
    { text: indent + harmless(keys.join(".")), colours: isDefault ? ["dim"] : [] },
    { text, colours: isDefault ? ["dim"] : ["bold"] },
    { text: harmless(originText(origin, cwd)), colours: isDefault ? ["dim"] : ["cyan"] },
  ];
}

function viewOf(
  read: ReadConfig,
  sections: readonly EffectiveSection[],
  paint: Paint,
  { cwd, stdout }: Terminal,
): string {
  const { file } = read;
  const head =
    file === undefined ? "no configuration file; the defaults apply" : paint(harmless(file), "bold");
  const heads = [head, ...includedFiles(read).map((one) => `  includes ${harmless(nearPath(one, cwd))}`)];
  const rows: (readonly Cell[])[] = [];
  for (const { key, values, instances } of sections) {
    rows.push([], [{ text: key, colours: ["bold"] }]);
    for (const value of values) rows.push(valueRow(value, "  ", cwd));
    for (const instance of instances) {
      rows.push([{ text: `  ${harmless(instance.name)}`, colours: ["bold"] }]);
      // The other defaults are printed above.
      const said = instance.values.filter(({ origin }) => origin !== undefined);
      for (const value of said) rows.push(valueRow(value, "    ", cwd));
    }
  }
  return `${[...heads, ...tableLines(COLUMNS, rows, paint, stdout.columns)].join("\n")}\n`;
}

/** `kstlib-resilience config show`. */
export const configShow: Command = {
  name: "config show",
  summary: "the values in effect, and where each comes from",
  help: HELP,
  async run(args: readonly string[], terminal: Terminal): Promise<number> {
    const { values, positionals } = parseArguments(args, { ...WHERE, json: { type: "boolean" } });
    const { stdout, env } = terminal;
    const read = readAt(terminal, values, positionals);
    const sections = effectiveSections(read.config, read.sources);
    if (values.json === true) stdout.write(`${harmlessJson(configReport(read, sections), 2)}\n`);
    else stdout.write(viewOf(read, sections, painter(stdout, env), terminal));
    return 0;
  },
};
