const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** 5 January 1970. */
const MONDAY = 4 * DAY;

/** What a wall clock in the zone shows, as milliseconds, as if it were UTC. */
export function wallClock(timeZone: string): (instant: number) => number {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  return (instant) => {
    const [month = 0, day = 0, year = 0, hour = 0, minute = 0, second = 0] = format
      .format(instant)
      .split(/\D+/)
      .map(Number);
    return Date.UTC(year, month - 1, day, hour, minute, second);
  };
}

/** A local time and the instants at which the clock shows it, or the one at which it is set forward over it. */
interface Shown {
  readonly local: number;
  readonly instants: readonly number[];
}

/** Each `grain` of local time between two instants, and when the clock shows it. */
export function shownTimes(timeZone: string, from: number, to: number, grain: number): Shown[] {
  const wall = wallClock(timeZone);
  const shown: Shown[] = [];
  for (let local = Math.floor((from - DAY) / grain) * grain; local <= to + DAY; local += grain) {
    const around = [local - 26 * HOUR, local + 26 * HOUR];
    const offsets = new Set(around.map((instant) => wall(instant) - instant));
    const instants = [...offsets]
      .map((offset) => local - offset)
      .filter((instant) => wall(instant) === local);
    if (instants.length === 0) {
      let instant = local - Math.max(...offsets);
      while (wall(instant) < local) instant += MINUTE;
      instants.push(instant);
    }
    shown.push({ local, instants: instants.toSorted((one, other) => one - other) });
  }
  return shown;
}

/** The boundaries of a step that is made of whole grains, from what the clock shows. */
export function naiveBoundaries(
  shown: readonly Shown[],
  every: number,
  from: number,
  to: number,
  offset = 0,
): number[] {
  const found = new Set<number>();
  for (const { local, instants } of shown) {
    const since = local - offset;
    const inPeriod = every > DAY ? (since - MONDAY) % every : (since % DAY) % every;
    if (inPeriod !== 0) continue;
    const [first = Number.NaN, second] = instants;
    found.add(first);
    if (second !== undefined && every <= second - first) found.add(second);
  }
  return [...found]
    .filter((instant) => instant > from && instant <= to)
    .toSorted((one, other) => one - other);
}

/** The instants, to a minute, at which the zone's offset changes. */
export function changesOf(timeZone: string, from: number, to: number): number[] {
  const wall = wallClock(timeZone);
  const offsetAt = (instant: number): number => wall(instant) - instant;
  const changes: number[] = [];
  for (let hour = from; hour < to; hour += HOUR) {
    if (offsetAt(hour) === offsetAt(hour + HOUR)) continue;
    for (let minute = hour; minute < hour + HOUR; minute += MINUTE) {
      if (offsetAt(minute) !== offsetAt(minute + MINUTE)) changes.push(minute + MINUTE);
    }
  }
  return changes;
}
