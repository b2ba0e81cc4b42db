import { configuredLayers, currentConfiguration } from "./configured.js";
import type { SectionDescriptor, SectionRules } from "./descriptor.js";
import { frozenCopy } from "./frozen-copy.js";
import { checkKeys } from "./options.js";
import { show } from "./show.js";
import { checkTogether } from "./together.js";

type Options = Readonly<Record<string, unknown>>;

/** Options as given (frozen), and as parsed by their rules. */
interface Checked {
  readonly given: Options;
  readonly settings: Options;
}

function checkOptions(rules: SectionRules, options: unknown, path: string): Checked {
  checkKeys(path, rules, options);
  const given: [string, unknown][] = [];
  const settings: [string, unknown][] = [];
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const copy = frozenCopy(value);
    given.push([key, copy]);
    settings.push([key, rules[key]?.parse(copy, `${path}.${key}`)]);
  }
  return { given: Object.freeze(Object.fromEntries(given)), settings: Object.fromEntries(settings) };
}

function checkInstances(path: string, section: SectionDescriptor, own: Options, found: unknown): Options {
  if (typeof found !== "object" || found === null || Array.isArray(found)) {
    throw new TypeError(`${path} must be an object of options by name; got ${show(found)}.`);
  }
  const byName = Object.entries(found).map(([instance, options]: [string, unknown]) => {
    const checked = checkOptions(section.rules, options, `${path}.${instance}`);
    checkTogether(`${path}.${instance}`, section, own, checked.settings);
    return [instance, checked.given] as const;
  });
  return Object.freeze(Object.fromEntries(byName));
}

/**
 * Checks what a configuration says in a section by the rules of the constructors and returns a frozen copy.
 *
 * @throws TypeError or RangeError that names the key's path, what was given and what is allowed.
 */
export function checkSection(name: string, section: SectionDescriptor, found: unknown): Options {
  const { rules } = section;
  if (section.isByName) {
    return Object.freeze({ instances: checkInstances(name, section, {}, found) });
  }
  checkKeys(name, { ...rules, instances: true }, found);
  const { instances, ...options } = found;
  const own = checkOptions(rules, options, name);
  checkTogether(name, section, own.settings);
  if (instances === undefined) return own.given;
  const checked = checkInstances(`${name}.instances`, section, own.settings, instances);
  return Object.freeze({ ...own.given, instances: checked });
}

/**
 * What the configuration says of one instance, for a part that the core does not contain: `configure` has not checked
 * its section.
 *
 * @throws TypeError or RangeError as {@link checkSection}.
 */
export function checkedLayers(name: string, section: SectionDescriptor, given: unknown): readonly Options[] {
  const found = currentConfiguration()[name];
  if (found !== undefined) checkSection(name, section, found);
  return configuredLayers(name, given);
}
