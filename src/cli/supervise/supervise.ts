import { appendFileSync, closeSync, fstatSync, ftruncateSync, openSync, statSync } from "node:fs";
import { isatty } from "node:tty";
import { type Command, type Terminal, UsageError } from "../command.js";
import { painter } from "../style.js";
import type { SuperviseEvent } from "./events.js";
import { jsonLine, textLine } from "./lines.js";
import { parseSettings, type SuperviseSettings } from "./settings.js";
import { keepRunning } from "./supervisor.js";
import { isError } from "../../kernel/is-error.js";

const HELP = `Usage: kstlib-resilience supervise [options] -- <command> [argument...]

Runs a program, passes signals on to it, and starts it again when it exits,
when its heartbeat goes stale or when that says that its event loop is frozen
(SIGTERM, and SIGKILL after --grace). Gives up on a crash loop.

Options:
  --heartbeat <file>        what shows that the program lives: a heartbeat, or
                            any file that it touches
  --max-age <duration>      how old the last beat may be: 30, 30s, 2m
                            (default: 30s)
  --start-grace <duration>  how long the first beat of a run may take
                            (default: --max-age, but 30s at least)
  --grace <duration>        the time between SIGTERM and SIGKILL (default: 10s)
  --restart <when>          always, or on-failure: not after an exit with code 0
                            (default: always)
  --backoff <from..to>      the wait before a restart; doubles each time, and
                            starts anew after a run that was longer than the
                            longest wait (default: 1s..1m)
  --max-restarts <n/time>   gives up when one more is needed within that time;
                            or unlimited (default: 5/10m)
  --json                    each event as a JSON object on one line, on stderr
                            like the text
  --log <file>              appends the same lines to a file
  -h, --help                this text

Exit code:
  that of the program; 128 + n when signal n ended it
  75   gave up on a crash loop
  127  at the first start there was no such command; 126: it could not be run
  2    the command line is wrong

Examples:
  kstlib-resilience supervise -- node bot.mjs
  kstlib-resilience supervise --heartbeat state/bot.heartbeat -- node bot.mjs
  kstlib-resilience supervise --restart on-failure --max-restarts 10/1h -- ./job
  kstlib-resilience supervise --json --log supervise.log -- python3 bot.py
`;

/** `kstlib-resilience supervise`. */
export const supervise: Command = {
  name: "supervise",
  summary: "run a program; restart it when it exits or hangs",
  help: HELP,
  async run(args: readonly string[], terminal: Terminal): Promise<number> {
    const settings = parseSettings(args, terminal.cwd);
    const { heartbeat } = settings;
    // Nothing in it would ever count, and the program would be ended for that again and again.
    if (heartbeat !== undefined && isFolder(heartbeat.file)) {
      throw new UsageError(`--heartbeat: ${heartbeat.file} is a folder; it must be the path of a file.`);
    }
    const hasTerminal = [0, 1, 2].some((descriptor) => isatty(descriptor));
    return keepRunning(settings, terminal, hasTerminal, reporter(settings, terminal));
  },
};

function isFolder(file: string): boolean {
  try {
    return statSync(file).isDirectory();
  } catch {
    // Not there yet, or out of reach now; the first beat has time to come.
    return false;
  }
}

/**
 * Writes each event to stderr and to the log.
 *
 * @throws UsageError when the log cannot be written.
 */
function reporter(
  { json, log }: SuperviseSettings,
  { clock, env, stderr }: Terminal,
): (event: SuperviseEvent) => void {
  if (log !== undefined) {
    const error = append(log, "");
    if (error !== undefined) throw new UsageError(`--log: ${error.message}`);
  }
  // Asked before the program starts: a stream that opens later would take blocking mode off a pipe they share.
  const paint = painter(stderr, env);
  let isLogging = log !== undefined;
  return (event) => {
    const wall = clock.wallNow();
    stderr.write(json ? jsonLine(event, wall) : textLine(event, wall, paint));
    if (log === undefined) return;
    const error = append(log, json ? jsonLine(event, wall) : textLine(event, wall));
    // Once is enough, until it goes well again.
    if (error !== undefined && isLogging && !json) stderr.write(`supervise: --log: ${error.message}\n`);
    isLogging = error === undefined;
  };
}

/** Opened each time, so that the file can be moved away; returns what went wrong. */
function append(file: string, text: string): Error | undefined {
  try {
    const descriptor = openSync(file, "a");
    try {
      appendWhole(descriptor, text);
    } finally {
      closeSync(descriptor);
    }
    return undefined;
  } catch (error) {
    return isError(error) ? error : new Error(String(error), { cause: error });
  }
}

/** A disk that becomes full takes the beginning of a line, to which the next one would be glued. */
function appendWhole(descriptor: number, text: string): void {
  const { size } = fstatSync(descriptor);
  try {
    appendFileSync(descriptor, text);
  } catch (error) {
    if (fstatSync(descriptor).size > size) ftruncateSync(descriptor, size);
    throw error;
  }
}
