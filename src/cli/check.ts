import path from "node:path";
import { fromHome } from "../kernel/home-path.js";
import { durationArgument, parseArguments } from "./arguments.js";
import { type Command, type Terminal, UsageError } from "./command.js";
import { type Look, lookAt, reasonOf, shortSeconds } from "./look.js";
import { harmless } from "./plain-text.js";
import { isRedisUrl } from "./redis/target.js";

const HELP = `Usage: kstlib-resilience check <file|address> [--max-age <duration>]

Prints one line that says whether the process behind a heartbeat file is alive:
for a Docker HEALTHCHECK, a Kubernetes exec probe, cron, a shell script.

An address redis://[user:password@]host[:port][/database]/service/instance
(rediss:// for TLS) asks for a process whose heartbeat goes to Redis. It needs
redis, ioredis or iovalkey in the project. A password may also stand in
REDISCLI_AUTH. Not for a liveness probe: it fails also while Redis is away.

Options:
  --max-age <duration>  how old the last beat may be: 30, 30s, 500ms, 2m
                        (default: three times the interval in the file,
                        or 30s if it has none)
  --key-prefix <text>   what precedes the keys in Redis (default: kstlib:)
  -h, --help            show this text

Exit code:
  0  alive, including while it starts or drains
  1  anything else: stale, frozen, stopped, dead, or no readable heartbeat
  2  the command line is wrong

Examples:
  kstlib-resilience check state/app.heartbeat
  kstlib-resilience check state/app.heartbeat --max-age 30
  kstlib-resilience check state/app.heartbeat --max-age 500ms || echo "gone"
  kstlib-resilience check redis://localhost/orders/web-1:4711
`;

function sentence(file: string, look: Look): string {
  const { status, age, state, maxAge } = look;
  const parts: string[] = [];
  if (status !== "stale") parts.push(reasonOf(look));
  if (age !== null && status !== "unknown") {
    // The limit matters only if the age decided.
    const limit =
      status === "alive" || status === "stale" ? `, up to ${shortSeconds(maxAge)} is allowed` : "";
    parts.push(`last beat ${shortSeconds(Math.max(0, age))} ago${limit}`);
  }
  if (state !== null) {
    parts.push(state.hostname === "" ? `pid ${state.pid}` : `pid ${state.pid} on ${state.hostname}`);
  }
  return harmless(`${status}: ${file}: ${parts.filter((part) => part !== "").join("; ")}`);
}

/** `kstlib-resilience check`. */
export const check: Command = {
  name: "check",
  summary: "tell whether one heartbeat is alive, for a health check",
  help: HELP,
  async run(args: readonly string[], terminal: Terminal): Promise<number> {
    const { values, positionals } = parseArguments(args, {
      "max-age": { type: "string" },
      "key-prefix": { type: "string" },
    });
    const [file, ...more] = positionals;
    if (file === "") throw new UsageError("the path of the heartbeat file is empty");
    if (file === undefined || more.length > 0) {
      throw new UsageError(
        `check takes one heartbeat file; got ${positionals.length}. Use status for several`,
      );
    }
    const limit = values["max-age"];
    const maxAge = limit === undefined ? undefined : durationArgument(limit, "--max-age");
    if (isRedisUrl(file)) {
      const { checkInstance } = await import("./redis/check-instance.js");
      const found = await checkInstance(file, terminal, { maxAge, keyPrefix: values["key-prefix"] });
      terminal.stdout.write(`${sentence(found.file, found)}\n`);
      return found.status === "alive" ? 0 : 1;
    }
    const look = lookAt(path.resolve(terminal.cwd, fromHome(file)), maxAge, terminal.clock);
    terminal.stdout.write(`${sentence(file, look)}\n`);
    return look.status === "alive" ? 0 : 1;
  },
};
