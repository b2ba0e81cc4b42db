import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hashKey, randomSeed } from "../../src/rate-limiter/key-hash.js";
import { fullAt, makeLimits } from "../../src/rate-limiter/bucket.js";
import { KeyIndex } from "../../src/rate-limiter/key-index.js";
import { KeyTable } from "../../src/rate-limiter/key-table.js";
import type { TokenBucket } from "../../src/rate-limiter/token-bucket.js";
import { numRuns } from "./admissions.js";

/** HalfSipHash-1-3 by its definition, of words of 32 bits: written for these tests. */
function halfSipHash(words: readonly number[], k0: number, k1: number): number {
  const [a, b, c, d] = [0, 1, 2, 3] as const;
  const v = Uint32Array.of(k0, k1, 0x6c796765 ^ k0, 0x74656462 ^ k1);
  const at = (place: number): number => v[place] ?? 0;
  const step = (to: number, by: number, turn: number, half: number): void => {
    v[to] = at(to) + at(by);
    v[by] = ((at(by) << turn) | (at(by) >>> (32 - turn))) ^ at(to);
    if (half > 0) v[to] = (at(to) << half) | (at(to) >>> (32 - half));
  };
  const round = (): void => {
    step(a, b, 5, 16);
    step(c, d, 8, 0);
    step(a, d, 7, 0);
    step(c, b, 13, 16);
  };
  for (const word of words) {
    v[d] = at(d) ^ word;
    round();
    v[a] = at(a) ^ word;
  }
  v[c] = at(c) ^ 0xff;
  for (let left = 3; left > 0; left--) round();
  return (at(b) ^ at(d)) | 0;
}

describe("the hash of a key", () => {
  test("is HalfSipHash-1-3 of its units, two in each word, and of its length", () => {
    const integer = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 9 }), integer, integer, (key, first, second) => {
        const bytes = Buffer.alloc(Math.ceil(key.length / 2) * 4);
        bytes.write(key, "utf16le");
        const words = Array.from({ length: bytes.length / 4 }, (_, word) => bytes.readInt32LE(word * 4));
        expect(hashKey(key, [first, second])).toBe(halfSipHash([...words, key.length], first, second));
      }),
      { numRuns },
    );
  });

  test("has another secret each time", () => {
    const seeds = Array.from({ length: 10 }, () => randomSeed());
    expect(new Set(seeds.flat()).size).toBeGreaterThan(15);
  });

  test("depends on every unit, on the length and on both halves of the seed", () => {
    const texts = ["", "\0", "\0\0", "a", "b", "ab", "ba", "abc", "abd", "abcd", "\u0100", "a\u0100", "💥"];
    expect(new Set(texts.map((text) => hashKey(text, [1, 2]))).size).toBe(texts.length);
    const seeds = [
      [0, 0],
      [1, 0],
      [0, 1],
      [1, 1],
    ] as const;
    expect(new Set(seeds.map((seed) => hashKey("key", seed))).size).toBe(seeds.length);
    expect(hashKey("key", [1, 2])).toBe(hashKey("key", [1, 2]));
  });

  test("spreads keys that differ little over all places", () => {
    const places = new Int32Array(256);
    for (let key = 0; key < 25_600; key++) {
      const place = hashKey(`10.0.${key >> 8}.${key & 255}`, [17, 42]) & 255;
      places[place] = (places[place] ?? 0) + 1;
    }
    expect(Math.min(...places)).toBeGreaterThan(50);
    expect(Math.max(...places)).toBeLessThan(160);
  });
});

// A token a millisecond: what was taken since 0 is the time of being full.
const limits = makeLimits(1000, 1000, 1e6);
const newTable = (maxKeys: number): KeyTable => new KeyTable(maxKeys, limits);
// As many tokens are missing at 0 as milliseconds until it is full.
const timeOf = (table: KeyTable, slot: number): number => 1e6 - table.tokens(slot, 0);

describe("the table of keys", () => {
  test("does not take a key that is gone, nor an empty one, for the one that was found last", () => {
    const table = newTable(4);
    const slot = table.add("a", 0, 1);
    expect([table.find("a"), table.find("a"), table.find("")]).toEqual([slot, slot, -1]);
    expect(table.find("a")).toBe(slot);
    table.remove(slot);
    expect([table.find(""), table.find("a")]).toEqual([-1, -1]);
    expect(table.find("b")).toBe(-1);
    expect(table.find("b", table.hash("b"))).toBe(-1);
    expect(table.find("b", table.hash("b"))).toBe(-1);
    const other = table.add("b", 0, 1);
    expect([table.find("b"), table.find("a"), table.find("")]).toEqual([other, -1, -1]);
  });

  const key = fc.nat({ max: 60 }).map((number) => `key ${number}`);
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant("add" as const), key, time: fc.nat({ max: 100 }) }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant("raise" as const), key, time: fc.nat({ max: 50 }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant("lower" as const), key, time: fc.nat({ max: 50 }) }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("remove" as const), key, time: fc.constant(0) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("pin" as const), key, time: fc.constant(0) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("clear" as const), key, time: fc.nat({ max: 9 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("evict" as const), key, time: fc.constant(0) }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant("forget" as const), key, time: fc.nat({ max: 100 }) }),
    },
  );

  test("agrees with a map, however keys come and go, and knows the earliest time", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 300, size: "max" }), (steps) => {
        const table = newTable(61);
        const model = new Map<string, number>();
        const pinned = new Map<string, TokenBucket>();
        const seen: unknown[] = [];
        const expected: unknown[] = [];
        for (const each of steps) {
          const hash = table.hash(each.key);
          const slot = table.find(each.key, hash);
          const known = model.get(each.key);
          const loose = [...model].filter(([name]) => !pinned.has(name));
          const least = Math.min(...loose.map(([, time]) => time));
          if (each.do === "add" && slot < 0) {
            table.add(each.key, 0, each.time, hash);
            model.set(each.key, each.time);
          } else if (each.do === "raise" && slot >= 0) {
            // From before all their times: nothing is full yet.
            const bucket = pinned.get(each.key);
            if (bucket) bucket.tryTake(each.time, -1);
            else table.tryTake(slot, each.time, -1);
            model.set(each.key, (known ?? 0) + each.time);
          } else if (each.do === "lower" && slot >= 0 && !pinned.has(each.key)) {
            table.refill(slot, each.time, 0);
            if (each.time >= (known ?? 0)) model.delete(each.key);
            else model.set(each.key, (known ?? 0) - each.time);
          } else if (each.do === "remove" && slot >= 0 && !pinned.has(each.key)) {
            table.remove(slot);
            model.delete(each.key);
          } else if (each.do === "pin" && pinned.delete(each.key)) {
            table.unpin(each.key);
          } else if (each.do === "pin" && slot >= 0) {
            pinned.set(each.key, table.pin(slot));
          } else if (each.do === "clear" && each.time === 0) {
            table.clear();
            for (const [name] of loose) model.delete(name);
          } else if (each.do === "evict" && loose.length === 0) {
            seen.push(table.closestToFull());
            expected.push(-1);
          } else if (each.do === "evict") {
            const first = table.closestToFull();
            seen.push(timeOf(table, first));
            expected.push(least);
            model.delete(table.keyOf(first));
            table.remove(first);
          } else if (each.do === "forget") {
            table.forgetFull(each.time, Number.POSITIVE_INFINITY);
            for (const [name, time] of loose) if (time <= each.time) model.delete(name);
          }
          seen.push(table.size);
          expected.push(model.size);
        }
        for (let number = 0; number <= 60; number++) {
          const name = `key ${number}`;
          const slot = table.find(name);
          seen.push(slot < 0 ? undefined : timeOf(table, slot));
          expected.push(model.get(name));
        }
        for (const [name, bucket] of pinned) {
          seen.push(fullAt(bucket.copy(), 0, limits));
          expected.push(model.get(name));
        }
        expect(seen).toEqual(expected);
      }),
      { numRuns: Math.ceil(numRuns / 4) },
    );
  });

  test("looks at no more keys at once than it is told to", () => {
    const table = newTable(4);
    for (const name of ["a", "b", "c"]) table.add(name, 0, 1);
    table.forgetFull(5, 1);
    expect(table.size).toBe(2);
    table.forgetFull(5, 0);
    expect(table.size).toBe(2);
    table.forgetFull(5, 2);
    expect(table.size).toBe(0);
  });

  test("has no bucket in common with code that still has one that was unpinned", () => {
    const table = newTable(4);
    const bucket = table.pin(table.add("a", 0, 10));
    table.unpin("a");
    expect(fullAt(bucket.copy(), 0, limits)).toBe(10);
    table.remove(table.find("a"));
    const slot = table.add("b", 0, 10);
    bucket.tryTake(5, 0);
    expect(fullAt(bucket.copy(), 0, limits)).toBe(15);
    expect(timeOf(table, slot)).toBe(10);
  });

  test("grows to its greatest size and is empty after clear", () => {
    const table = newTable(1000);
    for (let number = 0; number < 1000; number++) table.add(`${number}`, 0, number);
    expect(table.size).toBe(1000);
    expect(timeOf(table, table.find("777"))).toBe(777);
    table.clear();
    expect([table.size, table.find("777"), table.closestToFull()]).toEqual([0, -1, -1]);
  });
});

describe("the index of keys", () => {
  test("tells keys apart that have the same hash, or begin at the same place", () => {
    const index = new KeyIndex();
    index.resize(4, new Int32Array(0));
    index.set(2, "a", 7);
    index.set(0, "b", 7);
    index.set(3, "c", 8);
    const found = [index.find("a", 7), index.find("b", 7), index.find("c", 8), index.find("d", 7)];
    expect(found).toEqual([2, 0, 3, -1]);
    expect([index.keyOf(0), index.keyOf(1)]).toEqual(["b", ""]);
  });

  test("finds each key and no other, however they come and go, wherever their hashes begin", () => {
    // The first and the last places of all, where a search goes on at the beginning.
    const hash = fc.constantFrom(0, 1, 2 ** 29, -1, -2, -(2 ** 29), -(2 ** 30), 2 ** 31 - 1);
    const hashes = fc.array(hash, { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(hashes, fc.array(fc.nat({ max: 7 }), { maxLength: 60 }), (given, slots) => {
        const index = new KeyIndex();
        index.resize(8, new Int32Array(0));
        const known = new Set<number>();
        const hashOf = (slot: number): number => given[slot] ?? 0;
        for (const slot of slots) {
          if (known.delete(slot)) index.delete(slot);
          else {
            known.add(slot);
            index.set(slot, `key ${slot}`, hashOf(slot));
          }
          const found = given.map((each, other) => index.find(`key ${other}`, each));
          expect(found).toEqual(given.map((_, other) => (known.has(other) ? other : -1)));
        }
      }),
      { numRuns: Math.ceil(numRuns / 4) },
    );
  });
});

test("the table returns keys in the order of their times, whatever was removed from its middle", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat({ max: 1000 }), { minLength: 1, maxLength: 60, size: "max" }),
      fc.array(fc.nat({ max: 59 }), { maxLength: 30, size: "max" }),
      (times, leaving) => {
        const table = newTable(times.length);
        times.forEach((time, number) => table.add(`${number}`, 0, time));
        const gone = new Set(leaving.filter((number) => number < times.length));
        for (const number of gone) table.remove(table.find(`${number}`));
        const drained: number[] = [];
        for (let slot = table.closestToFull(); slot >= 0; slot = table.closestToFull()) {
          drained.push(timeOf(table, slot));
          table.remove(slot);
        }
        const rest = times.filter((_, number) => !gone.has(number));
        expect(drained).toEqual(rest.toSorted((one, other) => one - other));
      },
    ),
    { numRuns: Math.ceil(numRuns / 4) },
  );
});
