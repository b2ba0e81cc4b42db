import { parseArgs, type ParseArgsConfig } from "node:util";
import { type DurationRange, parseDuration } from "../kernel/duration.js";
import { isError } from "../kernel/is-error.js";
import { messageOf } from "../kernel/message-of.js";
import { nearest } from "../kernel/nearest.js";
import { UsageError } from "./command.js";

type Options = NonNullable<ParseArgsConfig["options"]>;
type Parsed<Known extends Options> = ReturnType<
  typeof parseArgs<{ options: Known; strict: true; allowPositionals: true; args: string[] }>
>;

/**
 * Reads a command's arguments.
 *
 * @throws UsageError that names the nearest known option.
 */
export function parseArguments<const Known extends Options>(
  args: readonly string[],
  options: Known,
): Parsed<Known> {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: true });
  } catch (error) {
    if (!isError(error)) throw error;
    throw new UsageError(explain(error, options), { cause: error });
  }
}

function explain(error: Error, options: Options): string {
  const unknown = /^Unknown option '(-[^']*)'/.exec(error.message)?.[1];
  if (unknown === undefined) return error.message.replaceAll("\n", " ");
  const known = Object.keys(options);
  const meant = unknown.startsWith("--") ? nearest(unknown.slice(2), known) : undefined;
  const all = known.map((name) => `--${name}`).join(", ");
  return `unknown option ${unknown}; ${meant === undefined ? `the options are ${all}` : `did you mean --${meant}?`}`;
}

/** Converts a duration from the command line, a number of seconds or a number with a unit, to milliseconds. */
export function durationArgument(text: string, option: string, range?: DurationRange): number {
  try {
    return parseDuration(/^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : text, option, range);
  } catch (error) {
    throw new UsageError(messageOf(error), { cause: error });
  }
}
