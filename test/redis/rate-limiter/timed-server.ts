import { Redis } from "ioredis";
import { afterAll } from "vitest";
import { SERVER_TIME } from "../../../src/redis/rate-limiter/bucket-lua.js";
import { GIVE_BACK } from "../../../src/redis/rate-limiter/give-back-script.js";
import { LEFT } from "../../../src/redis/rate-limiter/left-script.js";
import type { ExactCost, ExactLimits } from "../../../src/redis/rate-limiter/limits.js";
import { PAUSE } from "../../../src/redis/rate-limiter/pause-script.js";
import { REFILL } from "../../../src/redis/rate-limiter/refill-script.js";
import { TAKE } from "../../../src/redis/rate-limiter/take-script.js";
import { Script } from "../../../src/redis/store/script.js";
import { startServer } from "../servers/servers.js";

/** What the take script replies of one decision. */
export interface Taken {
  readonly granted: number;
  readonly wait: number;
  readonly marks: readonly number[];
}

const atGivenTime = ({ source }: Script): Script =>
  new Script(source.replace(SERVER_TIME, "local now = tonumber(ARGV[#ARGV])"));
const scripts = [TAKE, GIVE_BACK, PAUSE, REFILL, LEFT].map(atGivenTime);
const [take, giveBack, pause, refill, left] = scripts;

/** In the year 2096, so that no key expires meanwhile by the server's own clock. */
export const ORIGIN = 4e15;

/** Runs the scripts on a real server, at the times that a test says, in microseconds. */
export class TimedServer {
  readonly client: Redis;

  constructor(client: Redis) {
    this.client = client;
  }

  /** For all tests of a file. */
  static async start(): Promise<TimedServer> {
    const server = await startServer();
    const client = new Redis(server.port, { enableAutoPipelining: true });
    afterAll(async () => {
      client.disconnect();
      await server.stop();
    });
    for (const { source } of [...scripts, TAKE]) await client.script("LOAD", source);
    return new TimedServer(client);
  }

  async #run(
    script: Script | undefined,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<number[]> {
    const reply: unknown = await this.client.evalsha(script?.sha ?? "", keys.length, ...keys, ...args);
    return [reply].flat().map(Number);
  }

  /** Each of `ns` is a decision; the keys of all of them come one after the other. */
  async takeAll(
    keys: readonly string[],
    tiers: readonly ExactCost[],
    ns: readonly number[],
    now: number,
  ): Promise<readonly Taken[]> {
    const reply = await this.#run(take, keys, [
      tiers.length,
      ...tiers.flatMap(({ args }) => args),
      ...ns,
      now,
    ]);
    const width = 2 + tiers.length;
    return ns.map((_, at) => {
      const [granted = NaN, wait = NaN, ...marks] = reply.slice(at * width, (at + 1) * width);
      return { granted, wait, marks };
    });
  }

  async take(key: string, cost: ExactCost, n: number, now: number): Promise<Taken> {
    const [taken] = await this.takeAll([key], [cost], [n], now);
    return taken ?? { granted: NaN, wait: NaN, marks: [] };
  }

  /** By the server's own time. */
  async takeNow(key: string, cost: ExactCost, n: number): Promise<readonly number[]> {
    return this.#run(TAKE, [key], [1, ...cost.args, n]);
  }

  async giveBack(key: string, taken: string, mark: number, now: number): Promise<number> {
    const [given = NaN] = await this.#run(giveBack, [key], [taken, mark, now]);
    return given;
  }

  async pause(
    key: string,
    microseconds: number,
    now: number,
    kind: "pause" | "block" = "pause",
  ): Promise<number> {
    const [lasts = NaN] = await this.#run(pause, [key], [microseconds, kind === "block" ? 1 : 0, now]);
    return lasts;
  }

  async refill(
    keys: readonly string[],
    tokens: number,
    limits: readonly ExactLimits[],
    now: number,
  ): Promise<number> {
    const given = limits.flatMap((one) => one.given(tokens));
    const [there = NaN] = await this.#run(refill, keys, [0, ...given, now]);
    return there;
  }

  async reset(keys: readonly string[], now: number): Promise<number> {
    const [there = NaN] = await this.#run(refill, keys, [1, now]);
    return there;
  }

  /** When a key expires, in milliseconds of the server's clock. Servers before 7.0 have no PEXPIRETIME. */
  async expiryOf(key: string): Promise<number> {
    const millisecond = ([seconds = "", rest = ""]: readonly string[]): number =>
      Number(seconds) * 1000 + Math.floor(Number(rest) / 1000);
    for (;;) {
      const { client } = this;
      const [before, lasts, after] = await Promise.all([client.time(), client.pttl(key), client.time()]);
      const now = millisecond(before.map(String));
      if (now === millisecond(after.map(String))) return now + lasts;
    }
  }

  async tokens(key: string, limits: ExactLimits, now: number): Promise<number> {
    const [whole = NaN, rest = NaN, D = NaN] = await this.#run(left, [key], [now]);
    return limits.tokensIn(whole, rest, D);
  }
}
