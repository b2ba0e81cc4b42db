import fc from "fast-check";
import { expect, test } from "vitest";
import { Boundaries } from "../../src/schedule/boundaries.js";

const MINUTE = 60_000;
const DAY = 1440 * MINUTE;
const QUARTER = 15 * MINUTE;
/** A midnight of UTC. */
const MIDNIGHT = Date.UTC(2026, 5, 17);
const [FROM, TO] = [MIDNIGHT - 4 * DAY, MIDNIGHT + 4 * DAY];

/** A zone with one change of its offset, and a step; all times in milliseconds. */
interface Zone {
  readonly change: number;
  readonly before: number;
  readonly after: number;
  readonly every: number;
  readonly offset: number;
}

const mod = (value: number, divisor: number): number => ((value % divisor) + divisor) % divisor;

/** Looks at each minute whether it is a boundary. */
function everyMinute({ change, before, after, every, offset }: Zone): number[] {
  const isOne = (local: number): boolean => {
    const since = local - offset;
    return every > DAY ? mod(since - 4 * DAY, every) === 0 : mod(since, DAY) % every === 0;
  };
  const found: number[] = [];
  for (let minute = FROM + MINUTE; minute <= TO; minute += MINUTE) {
    const local = minute + (minute < change ? before : after);
    const isRepeated = minute >= change && local < change + before;
    const isShown = isOne(local) && (!isRepeated || every <= before - after);
    let isSkipped = false;
    if (minute === change) {
      for (let skipped = change + before; skipped < local; skipped += MINUTE) isSkipped ||= isOne(skipped);
    }
    if (isShown || isSkipped) found.push(minute);
  }
  return found;
}

/** A change some quarters of an hour after the midnight of UTC, and by how many. */
function example(change: number, by: number, every: number): Zone {
  return {
    change: MIDNIGHT + change * QUARTER,
    before: QUARTER,
    after: (1 + by) * QUARTER,
    every: every * QUARTER,
    offset: 0,
  };
}

const zones: fc.Arbitrary<Zone> = fc
  .record({
    change: fc.integer({ min: -24 * 4, max: 24 * 4 }),
    before: fc.integer({ min: -48, max: 48 }),
    by: fc.oneof(fc.integer({ min: -8, max: 8 }), fc.constantFrom(-96, 96)),
    every: fc.oneof(fc.integer({ min: 4, max: 100 }), fc.constantFrom(4, 8, 16, 96, 144, 192)),
    part: fc.integer({ min: 0, max: 9 }),
  })
  .map(({ change, before, by, every, part }) => ({
    change: MIDNIGHT + change * QUARTER,
    before: before * QUARTER,
    after: (before + by) * QUARTER,
    every: every * QUARTER,
    offset: Math.floor((every * part) / 10) * QUARTER,
  }));

test("boundaries around any change, also at a midnight of UTC, are those of a look at each minute", () => {
  fc.assert(
    fc.property(zones, (zone) => {
      const { change, before, after, every, offset } = zone;
      const boundaries = new Boundaries(every, offset, (at) => (at < change ? before : after));
      const expected = everyMinute(zone);
      const walked: number[] = [];
      for (let at = boundaries.after(FROM); at <= TO; at = boundaries.after(at)) walked.push(at);
      expect(walked).toEqual(expected);
      let count = 0;
      for (let quarter = FROM; quarter <= TO; quarter += QUARTER) {
        if (expected[count] === quarter) count += 1;
        expect(boundaries.count(FROM, quarter)).toBe(count);
        expect(count === 0 ? undefined : boundaries.upTo(quarter)).toBe(expected[count - 1]);
      }
    }),
    {
      numRuns: 60,
      examples: [[example(0, 4, 4)], [example(-1, -4, 5)], [example(-2, -8, 96)], [example(40, -4, 5)]],
    },
  );
});
