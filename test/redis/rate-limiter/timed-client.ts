import type { Redis } from "ioredis";
import { SERVER_TIME } from "../../../src/redis/rate-limiter/bucket-lua.js";
import { ORIGIN } from "./timed-server.js";

/** A client whose server has the time of a clock, which a test moves. */
export function timedClient(client: Redis, clock: { now(): number }): object {
  return {
    status: "ready",
    evalsha: async (): Promise<never> => {
      throw new Error("NOSCRIPT: the time has to be written into the text");
    },
    eval: (source: string, count: number, ...rest: string[]): Promise<unknown> => {
      const timed = source.replace(SERVER_TIME, "local now = tonumber(ARGV[#ARGV])");
      return client.eval(timed, count, ...rest, ORIGIN + clock.now() * 1000);
    },
    duplicate: () => client.duplicate(),
  };
}
