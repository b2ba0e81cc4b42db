import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { KeyPlace } from "../../src/rate-limiter/key-index.js";
import { KeyedRateLimiter } from "../../src/rate-limiter/keyed-rate-limiter.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import { numRuns } from "./admissions.js";

const KEYS = ["", "a", "b", "198.51.100.7", "c", "a key that is too long, ".repeat(4)] as const;

type Step =
  | { readonly do: "take" | "reset" | "giveBack" | "pause"; readonly key: number }
  | { readonly do: "advance"; readonly seconds: number }
  | { readonly do: "update"; readonly burst: number }
  | { readonly do: "resetAll" };

const key = fc.nat({ max: KEYS.length - 1 });
const take = fc.record({ do: fc.constant("take" as const), key });
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  take,
  take,
  take,
  fc.record({ do: fc.constantFrom("reset" as const, "giveBack" as const, "pause" as const), key }),
  fc.record({ do: fc.constant("advance" as const), seconds: fc.constantFrom(0.1, 0.5, 1, 3) }),
  fc.record({ do: fc.constant("update" as const), burst: fc.constantFrom(1, 2, 3.5) }),
  fc.record({ do: fc.constant("resetAll" as const) }),
);

/** Two limiters that see the same; one is asked by places that are kept, the other by keys. */
class Twins {
  readonly clock: ManualClock = new ManualClock();
  readonly byPlace: KeyedRateLimiter;
  readonly byKey: KeyedRateLimiter;
  /** Whether each request was admitted, and what was told. */
  readonly byPlaces: (readonly [boolean, number])[] = [];
  readonly byKeys: (readonly [boolean, number])[] = [];
  readonly #places: readonly KeyPlace[];

  constructor(onFull: "evict" | "deny") {
    const options = { rate: 1, burst: 2, maxKeys: 3, maxKeyLength: 64, onFull, clock: this.clock } as const;
    this.byPlace = new KeyedRateLimiter(options);
    this.byKey = new KeyedRateLimiter(options);
    this.#places = KEYS.map((each) => this.byPlace.places.of(each));
  }

  take(at: number): void {
    const name = KEYS[at] ?? "";
    const told = this.byPlace.places.takeOne(this.#places[at] ?? { key: name, slot: -1 });
    // What is not by the bucket alone goes the long way.
    const isAdmitted = told >= 0 || this.byPlace.tryAcquire(name);
    this.byPlaces.push([isAdmitted, told]);
    const { byKey } = this;
    this.byKeys.push([byKey.tryAcquire(name), told < 0 ? told : byKey.timeUntilToken(name, byKey.burst)]);
  }

  run(step: Step): void {
    if (step.do === "take") this.take(step.key);
    else if (step.do === "advance") void this.clock.advance(step.seconds);
    else {
      for (const limiter of [this.byPlace, this.byKey]) {
        if (step.do === "resetAll") limiter.reset();
        else if (step.do === "update") limiter.update({ burst: step.burst });
        else if (step.do === "reset") limiter.reset(KEYS[step.key]);
        else if (step.do === "giveBack") limiter.giveBack(KEYS[step.key] ?? "");
        else this.#pause(limiter, KEYS[step.key] ?? "");
      }
    }
  }

  #pause(limiter: KeyedRateLimiter, name: string): void {
    try {
      limiter.pauseFor(name, "1s");
    } catch {
      // There is no room for the key, for both.
    }
  }
}

describe("a place of a key that is kept", () => {
  test("decides and tells as the key does, whatever becomes of its slot", () => {
    fc.assert(
      fc.property(
        fc.array(anyStep, { minLength: 5, maxLength: 80 }),
        fc.constantFrom("evict" as const, "deny" as const),
        (steps, onFull) => {
          const twins = new Twins(onFull);
          for (const each of steps) twins.run(each);
          expect(twins.byPlaces).toEqual(twins.byKeys);
          expect(twins.byPlace.stats).toEqual(twins.byKey.stats);
          for (const name of KEYS) expect(twins.byPlace.tokens(name)).toBe(twins.byKey.tokens(name));
        },
      ),
      { numRuns },
    );
  });

  test("of an empty key is not taken for a free slot", () => {
    const clock = new ManualClock();
    const limiter = new KeyedRateLimiter({ rate: 1, per: "1h", maxKeys: 1, onFull: "evict", clock });
    const place = limiter.places.of("");
    expect(limiter.places.takeOne(place)).toBeGreaterThan(0);
    limiter.reset("");
    expect(limiter.places.takeOne(place)).toBeGreaterThan(0);
    expect(limiter.size).toBe(1);
    expect(limiter.tryAcquire("")).toBe(false);
  });

  test("tells a full bucket when a listener of the eviction that made room for it has filled it", () => {
    const limiter = new KeyedRateLimiter({ rate: 1, maxKeys: 1, onFull: "evict", clock: new ManualClock() });
    limiter.tryAcquire("old");
    limiter.on("evicted", () => limiter.reset("new"));
    expect(limiter.places.takeOne(limiter.places.of("new"))).toBe(0);
    expect(limiter.stats.totalAcquired).toBe(2);
  });
});
