import { ResilienceError } from "../kernel/errors.js";
import { isError } from "../kernel/is-error.js";
import { nearest } from "../kernel/nearest.js";
import { type Command, EXIT_USAGE, type Terminal, UsageError } from "./command.js";
import { type CommandEntry, commands } from "./commands.js";
import { harmless } from "./plain-text.js";

const PROGRAM = "kstlib-resilience";

/** Arguments that ask for help or the version instead of naming a command. */
const HELP: ReadonlySet<string> = new Set(["help", "--help", "-h"]);
const VERSION: ReadonlySet<string> = new Set(["--version", "-v", "-V", "version"]);

async function overview(of: readonly CommandEntry[]): Promise<string> {
  const loaded = await Promise.all(of.map(({ load }) => load()));
  const width = Math.max(0, ...loaded.map(({ name }) => name.length));
  const lines = loaded.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return `Usage: ${PROGRAM} <command> [options]

Commands:
${lines.join("\n")}

\`${PROGRAM} <command> --help\` shows options and examples.
\`${PROGRAM} --version\` shows the version.
`;
}

async function version(): Promise<string> {
  const { createRequire } = await import("node:module");
  // Through the package's name, which does not depend on where the build puts this file.
  const manifest: { version: string } = createRequire(import.meta.url)("@kstlib/resilience/package.json");
  return manifest.version;
}

/** Finds the command named by the first words; `rest` are the arguments after it. */
function find(words: readonly string[]): { readonly entry: CommandEntry; readonly rest: readonly string[] } {
  for (const length of [2, 1]) {
    const name = words.slice(0, length).join(" ");
    const entry = commands.find((command) => command.name === name);
    if (entry !== undefined) return { entry, rest: words.slice(length) };
  }
  const [first = ""] = words;
  const group = membersOf(first);
  const name = group.length > 0 ? words.slice(0, 2).join(" ") : first;
  const known = (group.length > 0 ? group : commands).map((command) => command.name);
  const meant = nearest(name, known);
  const advice = meant === undefined ? `the commands are ${known.join(", ")}` : `did you mean ${meant}?`;
  throw new UsageError(`${JSON.stringify(name)} is not a command; ${advice}`);
}

/** The two-word commands that begin with `group`. */
function membersOf(group: string): readonly CommandEntry[] {
  return commands.filter(({ name }) => name.startsWith(`${group} `));
}

/** Whether the arguments ask for help; those after `--` belong to another program. */
function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  const own = end === -1 ? args : args.slice(0, end);
  return own.includes("--help") || own.includes("-h");
}

async function dispatch(
  words: readonly string[],
  terminal: Terminal,
  began: (command: Command) => void,
): Promise<number> {
  const [first, ...others] = words;
  const isHelp = first !== undefined && HELP.has(first);
  // `help help` shows the overview.
  const subject = isHelp ? others.filter((word) => !HELP.has(word)) : [];
  if (first === undefined) {
    terminal.stderr.write(await overview(commands));
    return EXIT_USAGE;
  }
  if (VERSION.has(first)) {
    terminal.stdout.write(`${await version()}\n`);
    return 0;
  }
  if (subject.length > 0) return dispatch([...subject, "--help"], terminal, began);
  const group = isHelp ? commands : membersOf(first);
  if (group.length > 0 && others.length === 0 && !isHelp) {
    terminal.stderr.write(await overview(group));
    return EXIT_USAGE;
  }
  if (group === commands || (group.length > 0 && others[0] !== undefined && HELP.has(others[0]))) {
    terminal.stdout.write(await overview(group));
    return 0;
  }
  const { entry, rest } = find(words);
  const command = await entry.load();
  began(command);
  if (!asksForHelp(rest)) return command.run(rest, terminal);
  terminal.stdout.write(command.help);
  return 0;
}

/** Runs the command line; returns the exit code and never rejects. */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  let speaker = PROGRAM;
  try {
    return await dispatch(args, terminal, (command) => {
      speaker = `${PROGRAM} ${command.name}`;
    });
  } catch (error) {
    terminal.stderr.write(`${explain(error, speaker)}\n`);
    return EXIT_USAGE;
  }
}

function explain(error: unknown, speaker: string): string {
  if (UsageError.is(error)) return `${speaker}: ${harmless(error.message)}\nTry: ${speaker} --help`;
  // The message of a configuration error is complete.
  if (error instanceof ResilienceError) return error.message.split("\n").map(harmless).join("\n");
  return `${speaker}: ${isError(error) ? (error.stack ?? error.message) : String(error)}`;
}
