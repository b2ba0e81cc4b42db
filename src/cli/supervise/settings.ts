import path from "node:path";
import { fromHome } from "../../kernel/home-path.js";
import { durationArgument, parseArguments } from "../arguments.js";
import { UsageError } from "../command.js";

/** The checked command line of `supervise`; durations in milliseconds. */
export interface SuperviseSettings {
  readonly command: readonly [program: string, ...args: string[]];
  readonly heartbeat: HeartbeatSettings | undefined;
  /** The time between SIGTERM and SIGKILL. */
  readonly grace: number;
  readonly restart: "always" | "on-failure";
  readonly backoff: BackoffSettings;
  readonly json: boolean;
  /** Absolute path of the file to which the same lines are appended. */
  readonly log: string | undefined;
}

/** When the program is considered hung. */
export interface HeartbeatSettings {
  /** Absolute path. */
  readonly file: string;
  readonly maxAge: number;
  /** Used instead of `maxAge` until the first beat of a run. */
  readonly startGrace: number;
}

/** How long to wait before a restart, and when to give up. */
export interface BackoffSettings {
  readonly first: number;
  readonly last: number;
  /** The most restarts allowed within `window`; may be Infinity. */
  readonly maxRestarts: number;
  readonly window: number;
}

const START_GRACE = 30_000;

const OPTIONS = {
  heartbeat: { type: "string" },
  "max-age": { type: "string" },
  "start-grace": { type: "string" },
  grace: { type: "string", default: "10" },
  restart: { type: "string", default: "always" },
  backoff: { type: "string", default: "1s..1m" },
  "max-restarts": { type: "string", default: "5/10m" },
  json: { type: "boolean", default: false },
  log: { type: "string" },
} as const;

/**
 * Reads the command line of `supervise`.
 *
 * @throws UsageError that names the option, what was given and what is allowed.
 */
export function parseSettings(args: readonly string[], cwd: string): SuperviseSettings {
  const end = args.indexOf("--");
  const own = end === -1 ? args : args.slice(0, end);
  const { values, positionals } = parseArguments(own, OPTIONS);
  const [program, ...rest] = end === -1 ? [] : args.slice(end + 1);
  const [stray] = positionals;
  if (stray !== undefined || program === undefined || program === "") {
    const found = stray === undefined ? "got none" : `got ${JSON.stringify(stray)} before --`;
    throw new UsageError(`the command to run must follow --, as in "supervise -- node bot.mjs"; ${found}`);
  }
  const { restart } = values;
  if (restart !== "always" && restart !== "on-failure") {
    throw new UsageError(`--restart must be always or on-failure; got ${JSON.stringify(restart)}.`);
  }
  return {
    command: [program, ...rest],
    heartbeat: parseHeartbeat(values, cwd),
    grace: durationArgument(values.grace, "--grace", { zero: true }),
    restart,
    backoff: { ...parseBackoff(values.backoff), ...parseMaxRestarts(values["max-restarts"]) },
    json: values.json,
    log: values.log === undefined ? undefined : parsePath(values.log, "--log", cwd),
  };
}

function parsePath(file: string, option: string, cwd: string): string {
  if (file !== "" && !file.includes("\0")) return path.resolve(cwd, fromHome(file));
  throw new UsageError(`${option} must be the path of a file; got ${JSON.stringify(file)}.`);
}

function parseHeartbeat(
  values: { heartbeat?: string; "max-age"?: string; "start-grace"?: string },
  cwd: string,
): HeartbeatSettings | undefined {
  const { heartbeat, "max-age": age, "start-grace": start } = values;
  if (heartbeat === undefined) {
    const useless = age !== undefined ? "--max-age" : start !== undefined ? "--start-grace" : undefined;
    if (useless === undefined) return undefined;
    throw new UsageError(`${useless} needs --heartbeat, which is missing.`);
  }
  const maxAge = durationArgument(age ?? "30", "--max-age");
  const startGrace =
    start === undefined ? Math.max(maxAge, START_GRACE) : durationArgument(start, "--start-grace");
  return { file: parsePath(heartbeat, "--heartbeat", cwd), maxAge, startGrace };
}

function parseBackoff(text: string): Pick<BackoffSettings, "first" | "last"> {
  const [from = "", to = from, ...more] = text.split("..");
  if (more.length > 0) {
    throw new UsageError(
      `--backoff must be one duration, or two separated by "..", such as 1s..1m; got ${JSON.stringify(text)}.`,
    );
  }
  const first = durationArgument(from, "--backoff");
  const last = durationArgument(to, "--backoff");
  if (first <= last) return { first, last };
  throw new UsageError(
    `--backoff must go from the shorter to the longer duration; got ${JSON.stringify(text)}.`,
  );
}

function parseMaxRestarts(text: string): Pick<BackoffSettings, "maxRestarts" | "window"> {
  if (text === "unlimited") return { maxRestarts: Infinity, window: 0 };
  const found = /^(\d{1,9})\/(.+)$/.exec(text);
  if (found === null) {
    throw new UsageError(
      `--max-restarts must be a count and a duration such as 5/10m, or unlimited; got ${JSON.stringify(text)}.`,
    );
  }
  const [, count, within = ""] = found;
  return { maxRestarts: Number(count), window: durationArgument(within, "--max-restarts", { long: true }) };
}
