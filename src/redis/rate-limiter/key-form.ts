import { show, unlike } from "../../kernel/show.js";
import { idOf } from "../../rate-limiter/key-hash.js";
import type { SharedKeyedRateLimiterSettings } from "./shared-options.js";

/**
 * The key of a request: a string, or a string for each name that a tier has in `by`. What takes a limiter as an argument says
 * nothing of these names.
 */
export type SharedKey<By extends string = never> = [By] extends [never]
  ? string
  : Readonly<Record<NoInfer<By>, string>>;

/** How the key of a request names its buckets. */
export interface KeyForm {
  /** One string for all of the key, as this process knows it. */
  idOf(key: unknown): string;
  /** The key of an id, where a part that is too long is its digest. */
  keyOf(id: string): string | Readonly<Record<string, string>>;
  /** The bucket of each tier. */
  bucketsOf(id: string): readonly string[];
  /** The buckets that a pause for the key is written to. */
  pausedOf(key: unknown): readonly string[];
  /** All buckets of the names that the key has. */
  allOf(key: unknown): readonly string[];
}

/**
 * The name of a limiter in the keys of its buckets. A colon in it would let `"a:b"` and the key `"b:c"` of `"a"` meet, and
 * braces would choose the slot of a cluster.
 */
export const nameInKeys = (name: string): string => name.replaceAll(/[%:{}]/g, encodeURIComponent);

/** How the keys of a limiter name buckets: by one string, or by one of each name in its tiers. */
export function keyForm(settings: SharedKeyedRateLimiterSettings): KeyForm {
  const named = (settings.tiers ?? []).flatMap(({ by }) => (by === undefined ? [] : [by]));
  return named.length > 0 ? formOfNames(settings, named) : formOfString(settings);
}

function formOfString({ keyPrefix, name, tiers, maxKeyLength }: SharedKeyedRateLimiterSettings): KeyForm {
  const inKeys = nameInKeys(name);
  const form: KeyForm = {
    idOf: (key) => idOf(key, maxKeyLength),
    keyOf: (id) => id,
    bucketsOf(id) {
      // The tiers of one key are in one slot of a cluster, the keys in all of them.
      const key = `${keyPrefix}limiter:{${inKeys}:${id}}`;
      return tiers === undefined ? [key] : tiers.map((_, tier) => `${key}:${tier}`);
    },
    // A pause of one tier holds for the key.
    pausedOf: (key) => form.bucketsOf(form.idOf(key)).slice(0, 1),
    allOf: (key) => form.bucketsOf(form.idOf(key)),
  };
  return form;
}

/** @param named what `by` says of each tier. */
function formOfNames(
  { keyPrefix, name, maxKeyLength }: SharedKeyedRateLimiterSettings,
  named: readonly string[],
): KeyForm {
  const names = [...new Set(named)];
  const inKeys = nameInKeys(name);
  // Any two keys can meet in one decision, so that all are in one slot of a cluster.
  const bucketOf = (tier: number, part: string): string => `${keyPrefix}limiter:{${inKeys}}:${tier}:${part}`;

  function partOf(key: object, by: string): string {
    const part: unknown = Reflect.get(key, by);
    if (typeof part !== "string") throw new TypeError(unlike(`key.${by}`, "a string", part));
    return idOf(part, maxKeyLength);
  }

  function check(key: unknown, count: string): asserts key is object {
    const allowed = `an object with ${count} ${names.join(", ")}`;
    if (typeof key !== "object" || key === null || Array.isArray(key)) {
      throw new TypeError(unlike("key", allowed, key));
    }
    const unknown = Object.keys(key).find((by) => !names.includes(by));
    if (unknown !== undefined) throw new TypeError(`key must be ${allowed}; it has ${show(unknown)}.`);
  }

  /** The buckets of the names that the key has. */
  function bucketsOfSome(key: unknown, picks: (by: string, tier: number) => boolean): readonly string[] {
    check(key, "one or more of");
    const buckets = named.flatMap((by, tier) =>
      Object.hasOwn(key, by) && picks(by, tier) ? [bucketOf(tier, partOf(key, by))] : [],
    );
    if (buckets.length > 0) return buckets;
    throw new TypeError(`key must be an object with one or more of ${names.join(", ")}; it has none.`);
  }

  return {
    // Unlike the parts put together, JSON tells where each one ends.
    idOf(key) {
      check(key, "each of");
      return JSON.stringify(names.map((by) => partOf(key, by)));
    },
    keyOf: (id) => Object.fromEntries(partsOf(id).map((part, at) => [names[at] ?? "", part])),
    bucketsOf(id) {
      const parts = partsOf(id);
      return named.map((by, tier) => bucketOf(tier, parts[names.indexOf(by)] ?? ""));
    },
    pausedOf: (key) => bucketsOfSome(key, (by, tier) => named.indexOf(by) === tier),
    allOf: (key) => bucketsOfSome(key, () => true),
  };
}

const partsOf = (id: string): readonly string[] => JSON.parse(id) as readonly string[];
