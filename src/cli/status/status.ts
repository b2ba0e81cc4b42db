import { durationArgument, parseArguments } from "../arguments.js";
import { type Command, EXIT_USAGE, type Terminal, UsageError } from "../command.js";
import { harmless, harmlessJson } from "../plain-text.js";
import { isRedisUrl } from "../redis/target.js";
import { painter } from "../style.js";
import { nothingIn } from "./find-files.js";
import { reportOf, type Survey, survey } from "./survey.js";
import { viewOf } from "./view.js";
import { watch } from "./watch.js";

const HELP = `Usage: kstlib-resilience status <file|folder|glob|address>... [options]

Shows the state of each heartbeat: ALIVE, STALE (no beat for too long), STOPPED
(properly), FROZEN (its event loop is blocked), DEAD (the process is gone) or
UNKNOWN (no file, no permission, or not a heartbeat).

In a folder it reads every file that ends in .heartbeat, and any other file that
is a heartbeat. In a glob, * and ? match within one name, ** any folders.

An address redis://[user:password@]host[:port][/database][/service[/instance]]
(rediss:// for TLS) shows the processes whose heartbeats go to Redis, on all
machines; ages are measured by the server's clock. It needs redis, ioredis or
iovalkey in the project. A password may also stand in REDISCLI_AUTH.

Options:
  --max-age <duration>   how old the last beat may be: 30, 30s, 2m
                         (default: three times the interval in the file,
                         or 30s if it has none)
  --key-prefix <text>    what precedes the keys in Redis (default: kstlib:)
  --json                 print one JSON object; with --watch one on each line
  -w, --watch            repeat until Ctrl-C
  --interval <duration>  the time between two checks of --watch (default: 2s)
  -h, --help             show this text

Exit code (with --watch: that of the last check):
  0  all are alive, including those that start or drain
  1  at least one is not
  2  no heartbeat was found, or the command line is wrong

Examples:
  kstlib-resilience status state
  kstlib-resilience status state/app.heartbeat --max-age 30
  kstlib-resilience status 'state/**/*.heartbeat' --json
  kstlib-resilience status state --watch --interval 1
  kstlib-resilience status redis://localhost/orders --watch
`;

function exitCode({ isAny, allAlive }: Survey): number {
  if (!isAny) return EXIT_USAGE;
  return allAlive ? 0 : 1;
}

/** `kstlib-resilience status`. */
export const status: Command = {
  name: "status",
  summary: "show the state of heartbeats, in files or in Redis",
  help: HELP,
  async run(args: readonly string[], terminal: Terminal): Promise<number> {
    const { values, positionals: targets } = parseArguments(args, {
      "max-age": { type: "string" },
      "key-prefix": { type: "string" },
      json: { type: "boolean", default: false },
      watch: { type: "boolean", short: "w", default: false },
      interval: { type: "string" },
    });
    if (targets.length === 0 || targets.includes("")) {
      throw new UsageError("status needs a heartbeat file, a folder, a glob or an address of Redis");
    }
    if (values.interval !== undefined && !values.watch) throw new UsageError("--interval needs --watch");
    const limit = values["max-age"];
    const maxAge = limit === undefined ? undefined : durationArgument(limit, "--max-age");
    const interval = durationArgument(values.interval ?? "2s", "--interval");
    const { stdout, stderr, env, cwd, clock } = terminal;
    const paint = painter(stdout, env);
    const files = targets.filter((target) => !isRedisUrl(target));
    const addresses = targets.filter(isRedisUrl);
    const remote = addresses.length === 0 ? undefined : await import("../redis/survey.js");
    const options = { maxAge, keyPrefix: values["key-prefix"], keeps: values.watch };
    const places = remote === undefined ? [] : remote.placesOf(addresses, terminal, options);
    const look = (): Survey | Promise<Survey> => {
      const local = survey({ targets: files, cwd, maxAge, clock });
      return remote === undefined ? local : remote.withPlaces(local, places);
    };
    try {
      if (values.watch) {
        return exitCode(await watch(terminal, { look, interval, json: values.json, paint }));
      }
      const found = await look();
      if (values.json) stdout.write(`${harmlessJson(reportOf(found), 2)}\n`);
      else if (found.isAny) stdout.write(`${viewOf(found, paint, stdout.columns).join("\n")}\n`);
      if (!found.isAny) {
        const where = harmless(
          [...files, ...places.map(({ shown }) => shown)]
            .map((target) => nothingIn(target, found))
            .join(", "),
        );
        stderr.write(`kstlib-resilience status: no heartbeat found in ${where}\n`);
      }
      return exitCode(found);
    } finally {
      for (const place of places) place.close();
    }
  },
};
