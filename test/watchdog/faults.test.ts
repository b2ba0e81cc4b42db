import { beforeAll, describe, expect, test } from "vitest";
import { checkBuilt, fixture, type Run, run } from "./fork.js";

/** `WATCHDOG_TRIES=50` is the proof, 3 keep it true. */
const tries = Number(process.env["WATCHDOG_TRIES"] ?? 3);
const A_TRY = 30_000;

const each = Array.from({ length: tries }, (_, index) => index);

function timeoutsOf({ events, stderr }: Run): unknown {
  return { timeouts: events.at(-1)?.["timeouts"], reported: stderr.includes("was not pinged for") };
}

const none = { timeouts: 0, reported: false };

beforeAll(checkBuilt);

/** As many at a time as share a machine of two cores well. */
const AT_ONCE = 3;

async function inTurn(attempt: (index: number) => Promise<void>): Promise<void> {
  for (let first = 0; first < tries; first += AT_ONCE) {
    await Promise.all(each.slice(first, first + AT_ONCE).map(attempt));
  }
}

describe.runIf(process.platform === "linux")("a program that pings in time", () => {
  test(
    `has no timeout while 40 processes take its CPU, in ${tries} tries`,
    async () => {
      // As nice as the spinners, and both nicer than all else that runs.
      const options = { wrapper: ["nice"] };
      // Each brings its share of them.
      const spinners = String(Math.ceil(40 / Math.min(tries, AT_ONCE)));
      await inTurn(async () => {
        const result = await run([fixture("watchdog-judgement.mjs"), "crowded", spinners], options);
        expect(timeoutsOf(result)).toEqual(none);
      });
    },
    tries * A_TRY,
  );

  test(
    `has no timeout when it is stopped and continued, in ${tries} tries`,
    async () => {
      await inTurn(async (index) => {
        // Each at another moment between two looks of the monitor, which are a quarter of a second apart.
        const onReady = (pid: number): void => {
          setTimeout(() => process.kill(pid, "SIGSTOP"), (index * 17) % 250);
          setTimeout(() => process.kill(pid, "SIGCONT"), 1700 + index * 20);
        };
        const result = await run([fixture("watchdog-judgement.mjs"), "stopped"], { onReady });
        expect(timeoutsOf(result)).toEqual(none);
        expect(result.events.at(-1)).toMatchObject({ told: [{ kind: "suspended" }] });
      });
    },
    tries * A_TRY,
  );
});
