import { type OptionRules, ownOptions } from "../kernel/options.js";
import { isPlainObject } from "../kernel/plain-object.js";
import type { Rule } from "../kernel/rules.js";
import { show } from "../kernel/show.js";

/** What a value is, without what it contains. */
export function kindOf(value: unknown): string {
  if (value === "") return "an empty string";
  const isOpaque = value === null || ["object", "function", "undefined", "boolean"].includes(typeof value);
  return isOpaque ? show(value) : `a ${typeof value}`;
}

/** The error for a value that may be a secret, or hold one: it is not shown. */
export function unlikeSecret(label: string, allowed: string, value: unknown): TypeError {
  return new TypeError(`${label} must be ${allowed}; got ${kindOf(value)}.`);
}

/**
 * Options within others, each by its rule; in their place may stand a secret.
 *
 * @param label names them in errors. `owner` does so where one of them is unknown.
 */
export function nested<Settings extends object>(
  label: string,
  rules: OptionRules<Settings>,
  given: unknown,
  {
    allowed = "an object of options",
    owner = label,
  }: { readonly allowed?: string; readonly owner?: string } = {},
): Readonly<Settings> {
  if (!isPlainObject(given)) throw unlikeSecret(label, allowed, given);
  const own = ownOptions(owner, rules, given);
  const settings: Record<string, unknown> = {};
  for (const [key, rule] of Object.entries<Rule<unknown>>(rules)) {
    const found = own[key] === undefined ? rule.fallback : own[key];
    if (found !== undefined) settings[key] = rule.parse(found, `${label}.${key}`);
  }
  return Object.freeze(settings as Settings);
}
