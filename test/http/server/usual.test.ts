import { createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Connection, Connections } from "../../../src/http/server/connections.js";
import { Limiting } from "../../../src/http/server/limiting.js";
import { readRateLimitOptions } from "../../../src/http/server/options.js";
import { partitionOf } from "../../../src/http/server/partition.js";
import { KeyedRateLimiter } from "../../../src/rate-limiter/keyed-rate-limiter.js";
import { ManualClock } from "../../../src/testing/manual-clock.js";

/** What requests with a key are told. */
function judge(options: object): (key: string) => Promise<unknown> {
  const given = { ...options, key: (key: never) => key } as Parameters<typeof readRateLimitOptions>[1];
  const limiting = new Limiting(readRateLimitOptions("rateLimit", given), () => undefined);
  return async (key) => {
    const { refusal, fields } = await limiting.judgeFrom(key, undefined, undefined);
    return { status: refusal?.status, fields };
  };
}

interface Step {
  readonly key: string;
  readonly requests: number;
  /** Before them. */
  readonly seconds: number;
}

/** What requests are told the short way, and the long way. */
async function told(limit: { rate: number; per: number; burst: number }, steps: readonly Step[]) {
  const clock = new ManualClock();
  const limits = { name: "a", ...limit };
  const short = judge({ limits: [limits], clock });
  const long = judge({ limiter: new KeyedRateLimiter({ ...limits, clock }) });
  const both: [unknown[], unknown[]] = [[], []];
  for (const { key, requests, seconds } of steps) {
    await clock.advance(seconds);
    for (let count = 0; count < requests; count++) {
      both[0].push(await short(key));
      both[1].push(await long(key));
    }
  }
  return both;
}

describe("a request is told the same the short way and the long way", () => {
  test("whatever others were told", async () => {
    const step = fc.record({
      key: fc.constantFrom("a", "b", "c"),
      requests: fc.nat({ max: 300 }),
      seconds: fc.constantFrom(0, 0, 1, 3.3, 60),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const [short, long] = await told({ rate: 10, per: 7, burst: 600 }, steps);
        expect(short).toEqual(long);
      }),
      { numRuns: 20 },
    );
  });

  // Of what is kept, there are 256.
  test("when the same time until the bucket is full has another number left", async () => {
    const steps = [{ key: "a", requests: 1001, seconds: 0 }];
    const [short, long] = await told({ rate: 1000, per: 1, burst: 1000 }, steps);
    expect(short).toEqual(long);
  });

  test("when the same number left has another time until the bucket is full", async () => {
    const [short, long] = await told({ rate: 1, per: 600, burst: 3 }, [
      { key: "a", requests: 1, seconds: 0 },
      { key: "b", requests: 2, seconds: 0 },
      { key: "a", requests: 1, seconds: 256 },
    ]);
    expect(short).toEqual(long);
  });
});

describe("where the bucket of a connection's client is", () => {
  function places() {
    const asked: (string | undefined)[] = [];
    const connections = new Connections((address) => {
      asked.push(address);
      return { key: `of ${address}`, slot: -1 };
    });
    return { asked, connections };
  }

  test("is found once for each connection, and anew when its address is another", () => {
    const { asked, connections } = places();
    const connection = { remoteAddress: "198.51.100.7" as string | undefined };
    const place = connections.placeOf(connection);
    expect(place).toMatchObject({ key: "of 198.51.100.7", slot: -1 });
    expect(connections.placeOf(connection)).toBe(place);
    expect(connections.placeOf({ remoteAddress: "198.51.100.7" })).not.toBe(place);
    // A socket that has ended.
    connection.remoteAddress = undefined;
    expect(connections.placeOf(connection).key).toBe("of undefined");
    expect(connections.placeOf(connection).key).toBe("of undefined");
    expect(asked).toEqual(["198.51.100.7", "198.51.100.7", undefined]);
  });

  test("is another one for each limiter, and is found also of a connection that cannot be changed", () => {
    const [one, other] = [places(), places()];
    const connection: Connection = { remoteAddress: "198.51.100.7" };
    expect(one.connections.placeOf(connection)).not.toBe(other.connections.placeOf(connection));
    const frozen: Connection = Object.freeze({ remoteAddress: "198.51.100.8" });
    expect(one.connections.placeOf(frozen).key).toBe("of 198.51.100.8");
    expect(one.connections.placeOf(frozen).key).toBe("of 198.51.100.8");
  });
});

describe("a partition", () => {
  const secret = "a secret of sixteen or more";
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

  test("is the first half of an HMAC-SHA-256 of the key in UTF-16, so that no two keys share one", () => {
    const expected = createHmac("sha256", secret).update("käy", "utf16le").digest("hex").slice(0, 32);
    expect(hex(partitionOf(secret)("käy"))).toBe(expected);
    // In UTF-8 both would be the replacement character.
    expect(hex(partitionOf(secret)("\uD800"))).not.toBe(hex(partitionOf(secret)("\uD801")));
  });

  test("stays what it was when the application wipes the bytes of its secret", () => {
    const bytes = new TextEncoder().encode(secret);
    const partition = partitionOf(bytes);
    expect(hex(partition("key"))).toBe(hex(partitionOf(secret)("key")));
    bytes.fill(0);
    expect(hex(partition("key"))).toBe(hex(partitionOf(secret)("key")));
  });
});
