import { configuredLayers } from "./configured.js";
import { checkName } from "./nearest.js";
import type { Rule } from "./rules.js";
import { show, unlike } from "./show.js";

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
  // A date or a signal has no own keys, so it would otherwise pass as empty options.
  if (Object.prototype.toString.call(options) !== "[object Object]") {
    throw new TypeError(unlike(`the options of ${component}`, "a plain object", options));
  }
  for (const key of Object.keys(options as Layer)) checkName(key, rules, `an option of ${component}`);
}

/** A copy of checked options, each read once: their own properties and nothing inherited. */
export function ownOptions(component: string, rules: object, options: unknown): Layer {
  checkKeys(component, rules, options);
  return { __proto__: null, ...options };
}

/**
 * Throws when a later call has other overrides than the first: primitive values are compared, functions and objects are not.
 *
 * @param what the component, for the message.
 */
export function checkSame(what: string, first: object, later: object): void {
  for (const [key, value] of Object.entries(later)) {
    if (value === undefined || typeof value === "function" || typeof value === "object") continue;
    const before: unknown = Reflect.get(first, key);
    if (before === value) continue;
    throw new TypeError(
      `${what} was created with ${key} ${show(before)}; got ${show(value)}. Overrides apply at creation: pass them once, or the same each time.`,
    );
  }
}

/**
 * Checks options nested within others.
 *
 * @param label names them in errors.
 */
export function checkOptions(
  label: string,
  rules: Readonly<Record<string, Rule<unknown>>>,
  options: unknown,
): void {
  for (const [key, value] of Object.entries(ownOptions(label, rules, options))) {
    if (value !== undefined) rules[key]?.parse(value, `${label}.${key}`);
  }
}

/**
 * Reads options once and returns checked, frozen settings: what the constructor was given over what the
 * configuration says (the section of that name; or `layers`, lowest first) over the defaults. `undefined` means
 * "not given", and so does a property that is inherited.
 *
 * @throws TypeError for an unknown key or a value of the wrong type.
 * @throws RangeError for a value out of range.
 */
export function resolveOptions<Settings extends object>(
  component: string,
  rules: OptionRules<Settings>,
  given: object | undefined,
  layers: readonly Layer[] | string = [],
): Readonly<Settings> {
  const own = ownOptions(component, rules, given === undefined ? {} : given);
  const all = [...(typeof layers === "string" ? configuredLayers(layers, own) : layers), own];
  const settings: Partial<Settings> = {};
  for (const key of Object.keys(rules) as (keyof Settings & string)[]) {
    const rule = rules[key];
    let value = rule.fallback;
    for (const layer of all) {
      const found = Object.hasOwn(layer, key) ? layer[key] : undefined;
      if (found !== undefined) value = found;
    }
    if (value !== undefined) settings[key] = rule.parse(value, key);
  }
  return Object.freeze(settings as Settings);
}

/**
 * Checked settings with some of them changed, for `update`: those not given stay, and `null` takes back one that has
 * no default.
 *
 * @param rules of the options that can change.
 * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range.
 */
export function changeSettings<Settings extends object>(
  rules: Readonly<Record<string, Rule<unknown>>>,
  settings: Settings,
  changes: object,
): Readonly<Settings> {
  const own = ownOptions("update", rules, changes);
  const changed: Record<string, unknown> = Object.fromEntries(Object.entries(settings));
  for (const [key, rule] of Object.entries(rules)) {
    const value = own[key];
    if (value === null && rule.fallback === undefined) delete changed[key];
    else if (value !== undefined) changed[key] = rule.parse(value, key);
  }
  return Object.freeze(changed as Settings);
}
