import { type BareItem, isInnerList, type Item, parseList, serializeList } from "structured-headers";

/**
 * What a client may still use of one quota: an item of the `RateLimit` field of draft-ietf-httpapi-ratelimit-headers-11.
 */
export interface RateLimitItem {
  /** The name of the quota's policy. */
  readonly name: string;
  /** `r`: how much may be used, at least 0. */
  readonly remaining: number;
  /** `t`: within how many seconds no more than that may be used. */
  readonly seconds?: number;
  /** `pk`: whom the quota is for. */
  readonly partition?: Uint8Array;
}

/** A quota: an item of the `RateLimit-Policy` field. */
export interface RateLimitPolicy {
  readonly name: string;
  /** `q`: how much of it there is, at least 0. */
  readonly quota: number;
  /** `qu`: what it counts. Not given: `requests`. */
  readonly unit?: string;
  /** `w`: for how many seconds, at least 1. */
  readonly window?: number;
  /** `pk`: whom it is for. */
  readonly partition?: Uint8Array;
}

/** The value of a field as libraries give it: one for each line of it, or all in one. */
type FieldValue = string | readonly string[] | null | undefined;

/** The largest integer of structured fields, RFC 9651. */
const MAX_INTEGER = 999_999_999_999_999;

class Malformed extends Error {}

// A parameter without a type that it must have makes the field malformed, as does one that is missing.
function integer(value: BareItem | undefined, least: number): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < least) throw new Malformed();
  return value;
}

function ifGiven<Value>(value: BareItem | undefined, read: (value: BareItem) => Value): Value | undefined {
  return value === undefined ? undefined : read(value);
}

function string(value: BareItem): string {
  if (typeof value !== "string") throw new Malformed();
  return value;
}

function bytes(value: BareItem): Uint8Array {
  // By its tag, which is the same in every realm.
  if (Object.prototype.toString.call(value) !== "[object ArrayBuffer]") throw new Malformed();
  return new Uint8Array(value as ArrayBuffer);
}

/** Reads a whole field; the draft has a client ignore one that is malformed. */
function parseField<Read>(
  field: FieldValue,
  read: (name: string, parameters: Item[1]) => Read,
): readonly Read[] {
  if (field === null || field === undefined) return [];
  try {
    return parseList(typeof field === "string" ? field : field.join(",")).map((member) => {
      if (isInnerList(member)) throw new Malformed();
      return read(string(member[0]), member[1]);
    });
  } catch {
    return [];
  }
}

/**
 * Reads a `RateLimit` field of draft 11. Parameters that the draft does not know are ignored. Never throws.
 *
 * @returns nothing of a field that is missing, or malformed in any of its items: those of older drafts are.
 */
export function parseRateLimit(field: FieldValue): readonly RateLimitItem[] {
  return parseField(field, (name, parameters) => {
    const remaining = integer(parameters.get("r"), 0);
    const seconds = ifGiven(parameters.get("t"), (value) => integer(value, 0));
    const partition = ifGiven(parameters.get("pk"), bytes);
    return { name, remaining, ...(seconds !== undefined && { seconds }), ...(partition && { partition }) };
  });
}

/** Reads a `RateLimit-Policy` field of draft 11, as {@link parseRateLimit} does. Never throws. */
export function parsePolicy(field: FieldValue): readonly RateLimitPolicy[] {
  return parseField(field, (name, parameters) => {
    const quota = integer(parameters.get("q"), 0);
    const unit = ifGiven(parameters.get("qu"), string);
    const window = ifGiven(parameters.get("w"), (value) => integer(value, 1));
    const partition = ifGiven(parameters.get("pk"), bytes);
    return {
      name,
      quota,
      ...(unit !== undefined && { unit }),
      ...(window !== undefined && { window }),
      ...(partition && { partition }),
    };
  });
}

function item(
  name: string,
  parameters: Readonly<Record<string, number | string | Uint8Array | undefined>>,
): Item {
  const given: Item[1] = new Map();
  for (const [key, value] of Object.entries(parameters)) {
    if (value !== undefined) given.set(key, value);
  }
  return [name, given];
}

const between = (least: number, value: number): number => Math.min(MAX_INTEGER, Math.max(least, value));

/** Rounded so that no client waits for less than it must. */
const up = (value: number | undefined, least: number): number | undefined =>
  value === undefined ? undefined : between(least, Math.ceil(value));

/** Rounded so that no client uses more than there is. */
const down = (value: number): number => between(0, Math.floor(value));

/**
 * Writes a `RateLimit` field of draft 11: what remains is rounded down, seconds up.
 *
 * @throws Error for a name with characters other than ASCII, or control characters.
 */
export function writeRateLimit(items: readonly RateLimitItem[]): string {
  return serializeList(
    items.map(({ name, remaining, seconds, partition }) =>
      item(name, { r: down(remaining), t: up(seconds, 0), pk: partition }),
    ),
  );
}

/**
 * Writes a `RateLimit-Policy` field of draft 11: the quota is rounded down, its window up.
 *
 * @throws Error for a name or unit with characters other than ASCII, or control characters.
 */
export function writePolicy(policies: readonly RateLimitPolicy[]): string {
  return serializeList(
    policies.map(({ name, quota, unit, window, partition }) =>
      item(name, { q: down(quota), qu: unit, w: up(window, 1), pk: partition }),
    ),
  );
}
