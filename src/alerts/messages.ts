import type { Alert, AlertLevel, Delivery } from "./alert.js";
import { unlike } from "../kernel/show.js";
import { ownOptions } from "../kernel/options.js";

/** All levels, lowest first. */
export const LEVELS: readonly AlertLevel[] = ["info", "success", "warning", "critical"];

/** How much a level matters. */
export function rank(level: AlertLevel): number {
  return LEVELS.indexOf(level);
}

function higher(one: AlertLevel, other: AlertLevel): AlertLevel {
  return rank(one) > rank(other) ? one : other;
}

/** The longest title and body that are kept, in characters. */
const TITLE = 500;
const BODY = 20_000;
export const LONGEST_KEY = 500;
/** What is looked at of a title before it is cut. */
const READ = 10 * TITLE;

/** At most `length` UTF-16 units of a text; `…` replaces the rest. */
export function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  const end = Math.max(0, length - 1);
  // Not between the halves of a character.
  return `${text.slice(0, end).replace(/[\uD800-\uDBFF]$/, "")}…`;
}

const oneLine = (text: string): string => text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").trim();

/** Halves of characters are replaced, which no JSON parser must take. */
const wellFormed = (text: string): string => text.replaceAll(/\p{Cs}/gu, "\uFFFD");

const KEYS = { title: 0, body: 0, level: 0, key: 0, timestamp: 0 };

function optionalText(value: unknown, label: string): string | undefined {
  if (value === undefined || typeof value === "string") return value;
  throw new TypeError(unlike(label, "a string", value));
}

function readKey(given: unknown): string | undefined {
  const key = optionalText(given, "the key of an alert");
  if (key === undefined || (key !== "" && key.length <= LONGEST_KEY)) return key;
  throw new RangeError(
    `the key of an alert must have 1 to ${LONGEST_KEY} characters; got one of ${key.length} characters.`,
  );
}

/**
 * An alert of an application, checked.
 *
 * @throws TypeError or RangeError that names what is wrong.
 */
export function readAlert(alert: Alert, now: number, id: string): Delivery {
  const own = ownOptions("an alert", KEYS, alert);
  const { level = "info", timestamp = new Date(now) } = own;
  const title = typeof own["title"] === "string" ? oneLine(own["title"].slice(0, READ)) : "";
  if (title === "") {
    throw new TypeError(unlike("the title of an alert", "a non-empty string", own["title"]));
  }
  if (!LEVELS.includes(level as AlertLevel)) {
    throw new RangeError(unlike("the level of an alert", `one of ${LEVELS.join(", ")}`, level));
  }
  if (Object.prototype.toString.call(timestamp) !== "[object Date]" || Number.isNaN(Number(timestamp))) {
    throw new TypeError(unlike("the timestamp of an alert", "a valid Date", timestamp));
  }
  return {
    title: wellFormed(cut(title, TITLE)),
    body: wellFormed(cut(optionalText(own["body"], "the body of an alert") ?? "", BODY)),
    level: level as AlertLevel,
    key: readKey(own["key"]),
    timestamp: new Date(Number(timestamp)),
    isRecovery: false,
    count: 1,
    id,
  };
}

const UNITS: readonly (readonly [name: string, milliseconds: number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1000],
];

/** A length of time in words, rounded: `5 min`. */
function span(milliseconds: number): string {
  const [name, length] = UNITS.find(([, unit]) => milliseconds >= unit) ?? ["s", 1000];
  return `${Math.max(1, Math.round(milliseconds / length))} ${name}`;
}

/** A body with what else there is to tell. */
function withMore(body: string, more: string): string {
  return body === "" ? more : `${body}\n\n${more}`;
}

/** A message of repetitions of an alert. */
export function repeated(alert: Delivery, count: number, milliseconds: number, id: string): Delivery {
  return { ...alert, id, count, body: withMore(alert.body, `${count} more in ${span(milliseconds)}`) };
}

/** The message that a problem is over. */
export function recovery(key: string, title: string, wall: number, id: string): Delivery {
  return {
    title: `resolved: ${title}`,
    body: "",
    level: "success",
    key,
    timestamp: new Date(wall),
    isRecovery: true,
    count: 1,
    id,
  };
}

/** How many titles a summary lists. */
const LISTED = 20;

/** Alerts that are not told one by one, as numbers: of bounded size, however many there are. */
export class Tally {
  #count = 0;
  #since = 0;
  #level: AlertLevel = "info";
  readonly #lines = new Map<string, { readonly level: AlertLevel; count: number }>();
  /** The alert, while there is one. */
  #only: Delivery | undefined;
  /** The first critical one, which is told whole: somebody is to act on it. */
  #critical: Delivery | undefined;

  get count(): number {
    return this.#count;
  }

  /** The highest. */
  get level(): AlertLevel {
    return this.#level;
  }

  add(alert: Delivery, count: number, now: number): void {
    const { title, level } = alert;
    this.#only = this.#count === 0 && count === 1 && alert.count === 1 ? alert : undefined;
    if (level === "critical") this.#critical ??= alert;
    this.#begin(now, level);
    this.#count += count;
    this.#list(`${cut(title, 150)} (${level})`, level, count);
  }

  /** Puts back what could not be told. */
  restore(told: Tally): void {
    if (told.#count === 0) return;
    this.#only = this.#count === 0 ? told.#only : undefined;
    this.#critical = told.#critical ?? this.#critical;
    this.#begin(told.#since, told.#level);
    this.#count += told.#count;
    for (const [line, { level, count }] of told.#lines) this.#list(line, level, count);
  }

  /** Its content, after which it is empty. */
  take(): Tally {
    const taken = new Tally();
    taken.restore(this);
    this.#count = 0;
    this.#only = undefined;
    this.#critical = undefined;
    this.#lines.clear();
    return taken;
  }

  /** `37 more in 5 min`. @param told how many of them are told otherwise. */
  headline(now: number, told: number = 0): string {
    return `${this.#count - told} more in ${span(now - this.#since)}`;
  }

  /** What matters most comes first, and the text of the first critical one last. */
  lines(): string {
    const listed = [...this.#lines].toSorted(([, one], [, other]) => rank(other.level) - rank(one.level));
    const rest = this.#count - listed.reduce((sum, [, { count }]) => sum + count, 0);
    const lines = listed.map(([line, { count }]) => `${count} × ${line}`);
    const numbers = [...lines, ...(rest > 0 ? [`${rest} × others`] : [])].join("\n");
    const { title, body } = this.#critical ?? { title: "", body: "" };
    return body === "" ? numbers : `${numbers}\n\n${title}:\n${body}`;
  }

  /** A message of its own: the numbers, or the alert if there is only one. */
  message(now: number, wall: number, id: string): Delivery {
    if (this.#only !== undefined) return this.#only;
    const critical = this.#critical;
    return {
      title: critical ? `${cut(critical.title, 150)}; ${this.headline(now, 1)}` : this.headline(now),
      body: this.lines(),
      level: this.#level,
      key: critical?.key,
      timestamp: new Date(wall),
      isRecovery: false,
      count: this.#count,
      id,
    };
  }

  #begin(since: number, level: AlertLevel): void {
    if (this.#count === 0 || since < this.#since) this.#since = since;
    this.#level = this.#count === 0 ? level : higher(level, this.#level);
  }

  #list(line: string, level: AlertLevel, count: number): void {
    const known = this.#lines.get(line);
    if (known !== undefined) {
      known.count += count;
      return;
    }
    if (this.#lines.size >= LISTED) {
      // One that matters less makes room; it is among the others then.
      const [less] = [...this.#lines].find(([, one]) => rank(one.level) < rank(level)) ?? [];
      if (less === undefined) return;
      this.#lines.delete(less);
    }
    this.#lines.set(line, { level, count });
  }
}

/** A message that also tells what was held back. */
export function withTally(alert: Delivery, told: Tally, now: number): Delivery {
  if (told.count === 0) return alert;
  const more = `${told.headline(now)}\n${told.lines()}`;
  return {
    ...alert,
    body: withMore(alert.body, more),
    level: higher(alert.level, told.level),
    count: alert.count + told.count,
  };
}

/** One message of several alerts, which are at least two. */
export function together(alerts: readonly [Delivery, ...Delivery[]]): Delivery {
  const [first, ...others] = alerts;
  const worst = alerts.reduce((one, other) => (rank(other.level) > rank(one.level) ? other : one), first);
  const lines = alerts.slice(0, LISTED).map(({ title, level, body }) => {
    return body === "" ? `${title} (${level})` : `${title} (${level}): ${cut(oneLine(body), 200)}`;
  });
  if (alerts.length > LISTED) lines.push(`and ${alerts.length - LISTED} more`);
  return {
    ...first,
    title: cut(`${worst.title} (and ${others.length} more)`, TITLE),
    body: lines.join("\n"),
    level: worst.level,
    key: undefined,
    isRecovery: alerts.every(({ isRecovery }) => isRecovery),
    count: alerts.reduce((sum, { count }) => sum + count, 0),
  };
}
