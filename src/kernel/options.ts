import { checkName } from "./nearest.js";
import type { Rule } from "./rules.js";
import { unlike } from "./show.js";

/** The rules of an options type, one for each of its keys: a missing rule does not compile. */
export type OptionRules<Settings extends object> = {
  readonly [Key in keyof Settings]-?: Rule<Settings[Key]>;
};

/** Says that every key of `Options` has a setting, so that {@link OptionRules} covers all of them. */
export type SettingsFor<
  Options extends object,
  Settings extends Record<keyof Options, unknown>,
> = Readonly<Settings>;

type Layer = Readonly<Record<string, unknown>>;

/** Throws when `options` is not a plain set of options or has a key that `rules` does not know. */
export function checkKeys(component: string, rules: object, options: unknown): asserts options is Layer {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new TypeError(unlike(`the options of ${component}`, "an object", options));
  }
  for (const key of Object.keys(options)) checkName(key, rules, `an option of ${component}`);
}

/**
 * Reads options once and returns checked, frozen settings: what the constructor was given over what the
 * configuration says (`layers`, lowest first) over the defaults. `undefined` means "not given".
 *
 * @throws TypeError for an unknown key or a value of the wrong type.
 * @throws RangeError for a value out of range.
 */
export function resolveOptions<Settings extends object>(
  component: string,
  rules: OptionRules<Settings>,
  given: object | undefined,
  layers: readonly Layer[] = [],
): Readonly<Settings> {
  const own: unknown = given === undefined ? {} : given;
  checkKeys(component, rules, own);
  const settings: Partial<Settings> = {};
  for (const key of Object.keys(rules) as (keyof Settings & string)[]) {
    const rule = rules[key];
    let value = rule.fallback;
    for (const layer of [...layers, own]) {
      const found = layer[key];
      if (found !== undefined) value = found;
    }
    if (value !== undefined) settings[key] = rule.parse(value, key);
  }
  return Object.freeze(settings as Settings);
}
