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

Runs a program and forwards signals to it. Restarts it when it exits, when its
heartbeat goes stale, or when the heartbeat reports a frozen event loop
(SIGTERM, then SIGKILL after --grace). Gives up on a crash loop.

Options:
  --heartbeat <file>        the file that shows that the program is alive: a
                            heartbeat, or any file that the program touches
  --max-age <duration>      how old the last beat may be: 30, 30s, 2m
                            (default: 30s)
  --start-grace <duration>  how long the first beat of a run may take
                            (default: --max-age, at least 30s)
  --grace <duration>        the time between SIGTERM and SIGKILL (default: 10s)
  --restart <when>          always, or on-failure: not after an exit with code 0
                            (default: always)
  --backoff <from..to>      the wait before a restart; doubles each time, and
                            is reset by a run longer than the longest wait
                            (default: 1s..1m)
  --max-restarts <n/time>   how many restarts are allowed within that time, or
                            unlimited (default: 5/10m)
  --json                    print each event as a JSON object on one line, on
                            stderr like the text
  --log <file>              append the same lines to a file
  -h, --help                show this text

Exit code:
  that of the program; 128 + n if signal n ended it
  75   gave up on a crash loop
  127  no such command at the first start; 126: it could not be run
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
    // A folder would never show a beat, and the program would be restarted forever.
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
    // It does not exist yet or is not accessible now; --start-grace allows for that.
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
  // Opens stderr before the program starts; later, that would switch off the blocking mode of a pipe they share.
  const paint = painter(stderr, env);
  let isLogging = log !== undefined;
  return (event) => {
    const wall = clock.wallNow();
    stderr.write(json ? jsonLine(event, wall) : textLine(event, wall, paint));
    if (log === undefined) return;
    const error = append(log, json ? jsonLine(event, wall) : textLine(event, wall));
    // Report only the first failure of a series.
    if (error !== undefined && isLogging && !json) stderr.write(`supervise: --log: ${error.message}\n`);
    isLogging = error === undefined;
  };
}

/** Opens the file each time, so that it can be rotated; returns the error, if any. */
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

/** Removes a partial line, as written to a full disk: the next line would be appended to it. */
function appendWhole(descriptor: number, text: string): void {
  const { size } = fstatSync(descriptor);
  try {
    appendFileSync(descriptor, text);
  } catch (error) {
    if (fstatSync(descriptor).size > size) ftruncateSync(descriptor, size);
    throw error;
  }
}
