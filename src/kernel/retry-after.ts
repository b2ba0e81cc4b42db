import { realClock } from "./clock.js";

/** Where to find an upstream's `Retry-After`: its value, a response, or the headers of one. */
export type RetryAfterSource = string | number | object | null | undefined;

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** The three forms of an HTTP-date: IMF-fixdate, and the two obsolete ones that must be accepted. */
function dateForms(): readonly RegExp[] {
  const month = `(?<month>${MONTHS.join("|")})`;
  const time = String.raw`(?<hour>\d\d):(?<minute>\d\d):(?<second>\d\d)`;
  const day = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)";
  const longDay = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day";
  return [
    String.raw`${day}, (?<day>\d\d) ${month} (?<year>\d{4}) ${time} GMT`,
    String.raw`${longDay}, (?<day>\d\d)-${month}-(?<year>\d\d) ${time} GMT`,
    String.raw`${day} ${month} (?<day>[ \d]\d) ${time} (?<year>\d{4})`,
  ].map((form) => new RegExp(`^${form}$`));
}

let forms: readonly RegExp[] | undefined;

const CENTURY = 100;

/** An HTTP-date in milliseconds since 1970; `undefined` if it is not one. */
function parseDate(text: string, now: number): number | undefined {
  forms ??= dateForms();
  for (const form of forms) {
    const groups = form.exec(text)?.groups;
    if (!groups) continue;
    const [day = 0, hour = 0, minute = 0, second = 0] = ["day", "hour", "minute", "second"].map((name) =>
      Number(groups[name]),
    );
    const month = MONTHS.indexOf(groups["month"] ?? "");
    let year = Number(groups["year"]);
    if (groups["year"]?.length === 2) {
      const thisYear = new Date(now).getUTCFullYear();
      year += Math.floor(thisYear / CENTURY) * CENTURY;
      // A two-digit year more than 50 years ahead is of the century before.
      if (year > thisYear + CENTURY / 2) year -= CENTURY;
    }
    const date = new Date(Date.UTC(year, month, day, hour, minute, second));
    // 23:59:60 is a leap second.
    const isReal = date.getUTCDate() === day || second === 60;
    return isReal && hour < 24 && minute < 60 && second <= 60 ? date.getTime() : undefined;
  }
  return undefined;
}

/** A header of a response, or of a collection of headers, of any library. */
function header(source: unknown, name: string): unknown {
  if (typeof source !== "object" || source === null || Array.isArray(source)) return undefined;
  const inner: unknown = Reflect.get(source, "headers");
  const headers = typeof inner === "object" && inner !== null ? inner : source;
  const get: unknown = Reflect.get(headers, "get");
  if (typeof get === "function") return Reflect.apply(get, headers, [name]);
  const key = Object.keys(headers).find((own) => own.toLowerCase() === name);
  return key === undefined ? undefined : Reflect.get(headers, key);
}

function seconds(value: unknown, now: number): number | undefined {
  if (Array.isArray(value)) {
    const all = value.map((each: unknown) => seconds(each, now)).filter((each) => each !== undefined);
    return all.length > 0 ? Math.max(...all) : undefined;
  }
  if (typeof value === "number") return Number.isNaN(value) ? undefined : Math.max(0, value);
  if (typeof value !== "string") return undefined;
  const text = value.trim();
  if (/^\d+$/.test(text)) return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
  const date = parseDate(text, now);
  return date === undefined ? undefined : Math.max(0, (date - now) / 1000);
}

/**
 * How many seconds an upstream asks to wait by `Retry-After`, for `limiter.pauseFor(retryAfterSeconds(response))`.
 * Never throws: a missing or invalid value is `undefined`, a time in the past 0.
 *
 * It reads digits and the three forms of an HTTP-date, nothing else. A date is compared with the response's own
 * `Date`, so neither clock has to be right.
 *
 * @param source the header's value or values; or a response or its headers, from `fetch`, undici, `node:http`,
 *   axios and others: anything with `headers` or `get`, or a plain object.
 * @param now when the response came, used if it has no `Date`: a `Date`, or milliseconds since 1970.
 *   Default: now.
 * @example
 * ```ts
 * import { retryAfterSeconds } from "@kstlib/resilience";
 *
 * console.assert(retryAfterSeconds("120") === 120);
 * console.assert(retryAfterSeconds(new Response(null, { status: 429 })) === undefined);
 * const headers = { date: "Tue, 01 Sep 2026 12:00:00 GMT", "retry-after": "Tue, 01 Sep 2026 12:00:30 GMT" };
 * console.assert(retryAfterSeconds({ headers }) === 30);
 * ```
 */
export function retryAfterSeconds(
  source: RetryAfterSource,
  now: number | Date = realClock.wallNow(),
): number | undefined {
  try {
    const given = Number(now);
    const wall = Number.isNaN(given) ? realClock.wallNow() : given;
    const date = header(source, "date");
    const sent = typeof date === "string" ? parseDate(date.trim(), wall) : undefined;
    const isValue = typeof source !== "object" || Array.isArray(source);
    return seconds(isValue ? source : header(source, "retry-after"), sent ?? wall);
  } catch {
    // A getter that throws, a list that contains itself: what an upstream sends must not break its caller.
    return undefined;
  }
}
