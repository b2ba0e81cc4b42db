import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { realClock } from "../../src/kernel/clock.js";
import { RateLimitError, RateLimitExceededError } from "../../src/rate-limiter/errors.js";
import { RateLimiter } from "../../src/rate-limiter/rate-limiter.js";
import { SharedBucket } from "../../src/rate-limiter/shared-bucket.js";
import {
  CAPACITY,
  FULL,
  giveTurnBack,
  newMemory,
  takeTurn,
  timeOf,
  TOKEN,
} from "../../src/rate-limiter/shared-turns.js";
import { type Admission, call, CountingSignal, numRuns, worstExcess } from "./admissions.js";

const cellsOf = (rate: number, per: number, burst: number) => {
  const cells = new BigInt64Array(newMemory(rate, per, burst));
  return { cells, token: cells[TOKEN] ?? 0n, capacity: cells[CAPACITY] ?? 0n };
};

const steps = fc.array(
  fc.record({
    cost: fc.integer({ min: 1, max: 5 }),
    idle: fc.constantFrom(0, 1, 999_999, 1_000_000, 7_500_000),
  }),
  { maxLength: 100 },
);

describe("turns in shared memory", () => {
  test("are given as the limiter of one thread gives its tokens", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(1, 2, 10, 100, 1000),
        fc.integer({ min: 5, max: 20 }),
        steps,
        (rate, burst, trace) => {
          const { cells, token, capacity } = cellsOf(rate, 1000, burst);
          let reading = 0;
          const clock = { ...realClock, now: () => reading };
          // Its milliseconds are nanoseconds: whole numbers.
          const memory = new RateLimiter({ rate, per: "1000000000ms", burst, clock });
          for (const { cost, idle } of trace) {
            reading += idle;
            const now = BigInt(reading) + 1n;
            const turn = takeTurn(cells, timeOf(cost, token, capacity), capacity, now, now);
            expect(turn <= now).toBe(memory.tryAcquire(cost));
          }
        },
      ),
      { numRuns },
    );
  });

  test("come in the order in which they were taken, and keep the bound together", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 5000, noNaN: true }),
        fc.double({ min: 0.5, max: 20, noNaN: true }),
        steps,
        (rate, burst, trace) => {
          const { cells, token, capacity } = cellsOf(rate, 1000, burst);
          let now = 1n;
          let latest = 0n;
          const admissions: Admission[] = [];
          for (const { cost: wanted, idle } of trace) {
            now += BigInt(idle);
            const cost = Math.min(wanted * 0.7, burst);
            const turn = takeTurn(cells, timeOf(cost, token, capacity), capacity, now, now + 10n ** 12n);
            if (turn > now + 10n ** 12n) continue;
            const at = turn > now ? turn : now;
            expect(at >= latest).toBe(true);
            latest = at;
            admissions.push({ at: Number(at), cost });
          }
          expect(worstExcess(admissions, { interval: 1e9 / rate, burst })).toBeLessThan(1e-9);
        },
      ),
      { numRuns },
    );
  });

  test("leave the bucket as it was when they are given back, unless somebody stands behind", () => {
    const { cells, token, capacity } = cellsOf(10, 1000, 1);
    const now = 10n ** 15n;
    takeTurn(cells, token, capacity, now, now);
    const before = cells[FULL];
    const second = takeTurn(cells, token, capacity, now, now + capacity);
    expect(second).toBe(now + 100_000_000n);
    giveTurnBack(cells, token, capacity, second);
    expect(cells[FULL]).toBe(before);
    const again = takeTurn(cells, token, capacity, now, now + capacity);
    const behind = takeTurn(cells, token, capacity, now, now + 3n * capacity);
    giveTurnBack(cells, token, capacity, again);
    expect(cells[FULL]).toBe(behind + capacity);
  });

  test("can be had of a whole burst of any size", () => {
    for (const burst of [0.001, 0.3, 1, 2.5, Math.PI, 1e6]) {
      const { cells, token, capacity } = cellsOf(7, 1000, burst);
      expect(takeTurn(cells, timeOf(burst, token, capacity), capacity, 5n, 5n)).toBe(5n);
    }
  });
});

describe("a shared bucket", () => {
  test("refuses what comes too late at once, takes nothing for it, and says when to come again", async () => {
    const bucket = new SharedBucket({ rate: 1, per: "1h", burst: 2, name: "uploads" });
    expect([bucket.tryAcquire(2), bucket.tryAcquire()]).toEqual([true, false]);
    const refusals = [
      await bucket.acquire({ timeout: "30m" }).catch((error: unknown) => error),
      await bucket.acquire({ timeout: 0 }).catch((error: unknown) => error),
    ];
    for (const refusal of refusals) {
      expect(refusal).toBeInstanceOf(RateLimitExceededError);
      const { message, retryAfter } = refusal as RateLimitExceededError;
      expect(message).toMatch(/^uploads: its turn comes too late; retry after 3600/);
      expect(Math.ceil(retryAfter)).toBe(3600);
    }
    expect(() => bucket.acquireSync({ timeout: "59m" })).toThrow(RateLimitExceededError);
  });

  const untilNext = (bucket: SharedBucket): number => {
    try {
      bucket.acquireSync({ timeout: 0 });
    } catch (error) {
      return Math.ceil((error as RateLimitExceededError).retryAfter / 3600);
    }
    return 0;
  };

  test("gives the turn of an aborted wait back, if nobody stands behind it, and leaves no listener", async () => {
    const bucket = new SharedBucket({ rate: 1, per: "1h", burst: 1 });
    bucket.acquireSync();
    const [first, second] = [new CountingSignal(), new CountingSignal()];
    const waits = [first, second].map(({ signal }) => bucket.acquire({ signal }));
    expect(untilNext(bucket)).toBe(3);
    second.controller.abort(new Error("enough"));
    await expect(waits[1]).rejects.toThrow("enough");
    expect(untilNext(bucket)).toBe(2);
    const behind = new CountingSignal();
    const last = bucket.acquire({ signal: behind.signal });
    first.controller.abort(new Error("enough"));
    await expect(waits[0]).rejects.toThrow("enough");
    expect(untilNext(bucket)).toBe(3);
    behind.controller.abort(new Error("enough"));
    await expect(last).rejects.toThrow("enough");
    expect([first.listeners, second.listeners, behind.listeners]).toEqual([0, 0, 0]);
  });

  test("takes no turn for a signal that was aborted before", async () => {
    const bucket = new SharedBucket({ rate: 1, per: "1h", burst: 1 });
    await expect(bucket.acquire({ signal: AbortSignal.abort() })).rejects.toThrow(/aborted/);
    expect(bucket.tryAcquire()).toBe(true);
  });

  test.each([0, -1, NaN, Infinity, "1", null])("refuses a cost of %s by name", async (cost) => {
    const bucket = new SharedBucket({ rate: 5 });
    expect(() => call(bucket, "tryAcquire", cost)).toThrow(
      "cost must be a number above 0, up to the burst of 5",
    );
    expect(() => call(bucket, "acquireSync", { cost })).toThrow("cost must be");
    await expect(call(bucket, "acquire", { cost })).rejects.toThrow("cost must be");
    expect(() => bucket.tryAcquire(6)).toThrow(RateLimitError);
  });

  test.each([
    [{ rate: 0 }, "rate must be a number above 0; got 0"],
    [{ rate: Infinity }, "rate must be"],
    [{ rate: NaN }, "rate must be"],
    [{ per: -1 }, "per must be a duration above 0"],
    [{ burst: 0 }, "burst must be a number above 0; got 0"],
    [{ burst: null }, "burst must be"],
    [{ rate: 2e9 }, "at most 1e9 tokens flow in a second"],
    [{ rate: 1, per: "30d", burst: 1e6 }, "fill the bucket within 100 years"],
    [{ rate: 5e-324 }, "fill the bucket within 100 years"],
    [{ name: "" }, "name must be a non-empty string"],
    [{ maxQueue: 3 }, "maxQueue"],
    [7, "the options of SharedBucket must be a plain object; got 7"],
  ])("refuses the options %j", (options, message) => {
    expect(() => Reflect.construct(SharedBucket, [options])).toThrow(message);
  });
});

describe("the handle of a shared bucket", () => {
  test("makes the same bucket", () => {
    const bucket = new SharedBucket({ rate: 1, per: "1h", burst: 3, name: "uploads" });
    const other = SharedBucket.from(structuredClone(bucket.handle));
    expect([other.name, other.burst]).toEqual(["uploads", 3]);
    expect([other.tryAcquire(2), bucket.tryAcquire(), bucket.tryAcquire(), other.tryAcquire()]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  const { handle } = new SharedBucket();
  test.each([
    ["null", null, "the handle of a SharedBucket must be a plain object; got null"],
    ["a bucket", new SharedBucket(), "is not"],
    ["text", "handle", 'got "handle"'],
    ["options", { rate: 10 }, "rate"],
    [
      "no memory",
      { name: "a", burst: 1 },
      "memory of the handle must be the SharedArrayBuffer of a SharedBucket; got undefined",
    ],
    ["no burst", { memory: handle.memory }, "burst of the handle must be a number above 0; got undefined"],
    ["one that went through JSON", JSON.parse(JSON.stringify(handle)), "got an object"],
    ["memory that is not shared", { ...handle, memory: new ArrayBuffer(24) }, "memory of the handle must be"],
    ["empty memory", { ...handle, memory: new SharedArrayBuffer(24) }, "memory of the handle must be"],
    ["other memory", { ...handle, memory: new SharedArrayBuffer(8) }, "memory of the handle must be"],
  ])("is refused if it is %s", (_, given: unknown, message) => {
    expect(() => call(SharedBucket, "from", given)).toThrow(TypeError);
    expect(() => call(SharedBucket, "from", given)).toThrow(message);
  });
});

const program = fileURLToPath(new URL("../fixtures/shared-bucket-threads.mjs", import.meta.url));

/** Runs a scenario in a process of its own, which has to end by itself. */
async function run(...scenario: readonly string[]): Promise<Record<string, unknown>> {
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...scenario], { timeout: 90_000 });
  return JSON.parse(stdout) as Record<string, unknown>;
}

describe("over real threads", () => {
  test.each([
    ["20000", "50"],
    ["500", "1"],
  ])("four that ask without a pause get no more than the bound at %s/s", async (rate, burst) => {
    const { admitted, bound } = await run("bound", rate, burst);
    expect(admitted).toBeLessThanOrEqual(Number(bound));
    expect(admitted).toBeGreaterThan(Number(burst));
  });

  test.each(["sync", "async"])("four that wait (%s) get their turns, none before its time", async (way) => {
    const { times } = await run("turns", way);
    expect(times).toHaveLength(100);
    const early = (times as number[]).filter((time, turn) => time < turn * 5 - 0.001);
    expect(early).toEqual([]);
  });

  test("one that is ended while it waits holds nobody up", async () => {
    const { times } = await run("death");
    const [queued = 0, behind = 0] = times as number[];
    expect([queued >= 99, behind >= 149]).toEqual([true, true]);
  });

  test("a promise that waits keeps its process alive", async () => {
    expect(await run("alive")).toEqual({ waited: true });
  });
});
