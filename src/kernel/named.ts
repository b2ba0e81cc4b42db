import type { Configuration } from "./configured.js";
import type { SectionDescriptor } from "./descriptor.js";
import { nearest } from "./nearest.js";
import { isPlainObject } from "./plain-object.js";
import type { FileShape } from "./rules.js";
import { show } from "./show.js";

/** A text that names an instance of a section. */
interface Naming {
  /** Those of the option and within its value. */
  readonly keys: readonly string[];
  readonly section: string;
  readonly name: string;
}

/** A name in a configuration of an instance that it does not have. */
export interface UnknownName {
  readonly keys: readonly string[];
  readonly message: string;
}

function* namings(shape: FileShape | undefined, value: unknown, keys: readonly string[]): Generator<Naming> {
  if (shape?.kind === "either") {
    for (const one of shape.shapes) yield* namings(one, value, keys);
  } else if (shape?.kind === "object" && isPlainObject(value)) {
    for (const [key, field] of Object.entries(shape.fields)) {
      yield* namings(field, Reflect.get(value, key), [...keys, key]);
    }
  } else if (shape?.kind === "name" && typeof value === "string") {
    yield { keys, section: shape.section, name: value };
  }
}

/**
 * The names in a configuration of instances that it does not have.
 *
 * @param root the keys that lead to the configuration.
 * @param spell how a section or an option is written.
 */
export function* unknownNames(
  sections: Readonly<Record<string, SectionDescriptor>>,
  configuration: Configuration,
  root: readonly string[] = [],
  spell: (name: string) => string = (name) => name,
): Generator<UnknownName> {
  for (const [section, { rules, isByName }] of Object.entries(sections)) {
    const { instances = {}, ...own } = configuration[section] ?? {};
    const above = [...root, spell(section)];
    const ofInstances = isByName ? above : [...above, "instances"];
    const all = [
      [above, own] as const,
      ...Object.entries(instances).map(([name, options]) => [[...ofInstances, name], options] as const),
    ];
    for (const [path, options] of all) {
      for (const [option, { file }] of Object.entries(rules)) {
        for (const naming of namings(file, options[option], [option])) {
          const known = configuration[naming.section]?.instances ?? {};
          if (Object.hasOwn(known, naming.name)) continue;
          const keys = [...path, ...naming.keys.map(spell)];
          const place = [...root, spell(naming.section), "instances"].join(".");
          yield { keys, message: unknownName(keys.join("."), naming.name, known, place) };
        }
      }
    }
  }
}

/**
 * What to say of a name that is unknown.
 *
 * @param label of the option.
 * @param known the instances that there are, by name.
 * @param place where they are in the configuration.
 */
export function unknownName(label: string, name: string, known: object, place: string): string {
  const names = Object.keys(known);
  const meant = nearest(name, names);
  const there = names.length === 0 ? "there are none" : `known are ${names.join(", ")}`;
  const advice = meant === undefined ? there : `did you mean ${meant}?`;
  return `${label} must be a name in ${place} of the configuration; got ${show(name)}; ${advice}`;
}
