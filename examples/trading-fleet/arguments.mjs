// @ts-check
// The arguments of the fleet: read, checked, or refused with a sentence.
import { parseArgs } from "node:util";
import { OPTIONS, readArguments } from "../trading-bot/arguments.mjs";

const HELP = `npm run demo -- --instances 3 --redis [options]

Bots in processes of their own share one limit and one circuit through a real
redis-server, which the demo starts on a free port and stops for three seconds in
the middle. The exchange fails twice. About half a minute, then SIGTERM, and a
summary of what held for all of them together.

  --redis          share through Redis; alone it means three bots
  --instances N    how many bots, 2 to 8
  --fast           the same in about 15 seconds
  --keep-running   go through the schedule again and again, until Ctrl-C
  --plain          lines for each event instead of the live view (as without a
                   terminal, with NO_COLOR or CI)
  --help           this text

redis-server is taken from $REDIS_SERVER or the PATH, or is installed or unpacked
with apt-get where that is possible.

Ctrl-C asks the bots to shut down in order and shows the summary; a second Ctrl-C
ends everything at once. Exit code: 0 when every promise held, 1 when one did
not, 130 when Ctrl-C came before the end.
`;

const MOST = 8;

/** @throws an error that says what is allowed */
function check() {
  const fleet = /** @type {const} */ ({
    redis: { type: "boolean", default: false },
    instances: { type: "string", default: "3" },
  });
  const { instances, ...options } = parseArgs({ options: { ...OPTIONS, ...fleet } }).values;
  const bots = Number(instances);
  if (!Number.isInteger(bots) || bots < 2 || bots > MOST) {
    throw new RangeError(`--instances must be a whole number from 2 to ${MOST}; got ${instances}.`);
  }
  if (!options.redis && !options.help) {
    throw new TypeError(
      `${bots} processes need Redis to share a limit: npm run demo -- --instances ${bots} --redis.`,
    );
  }
  return { ...options, bots };
}

export const options = readArguments(HELP, check);
