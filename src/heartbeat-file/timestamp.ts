const SHAPE = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

/**
 * Writes wall-clock milliseconds as UTC with microseconds and `+00:00`, the one form that Python's
 * `datetime.fromisoformat` reads in every version since 3.7.
 *
 * @throws RangeError when the time is not a date.
 */
export function formatTimestamp(wall: number): string {
  const whole = Math.floor(wall);
  const micros = String(Math.floor((wall - whole) * 1000)).padStart(3, "0");
  return new Date(whole).toISOString().replace("Z", `${micros}+00:00`);
}

/** Whether the month has that day; `Date` would turn 30 February into 2 March. */
function isDay(date: string): boolean {
  return new Date(date).getUTCDate() === Number(date.slice(-2));
}

/** Reads an ISO 8601 date and time with an offset; NaN for anything else, including a time without an offset. */
export function parseTimestamp(text: string): number {
  return SHAPE.test(text) && isDay(text.slice(0, 10)) ? Date.parse(text.replace(" ", "T")) : Number.NaN;
}
