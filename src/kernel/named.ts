import { type Configuration, currentConfiguration, namedInstances } from "./configured.js";
import type { SectionDescriptor } from "./descriptor.js";
import { DURATION_PATTERN, type DurationRange, durationRule } from "./duration.js";
import { nearest } from "./nearest.js";
import { isPlainObject } from "./plain-object.js";
import type { FileShape } from "./rules.js";
import { show } from "./show.js";
import { toSnakeCase } from "./snake-case.js";

/** A text that names an instance of a section. */
interface Naming {
  /** Those of the option and within its value. */
  readonly keys: readonly string[];
  readonly section: string;
  readonly name: string;
  /** Of the duration that might stand there as well. */
  readonly range: DurationRange | undefined;
}

/** A name in a configuration of an instance that it does not have. */
export interface UnknownName {
  readonly keys: readonly string[];
  readonly message: string;
}

function* namings(
  shape: FileShape | undefined,
  value: unknown,
  keys: readonly string[],
  range?: DurationRange,
): Generator<Naming> {
  if (shape?.kind === "either") {
    const time = shape.shapes.find(({ kind }) => kind === "duration") as DurationRange | undefined;
    for (const one of shape.shapes) yield* namings(one, value, keys, time);
  } else if (shape?.kind === "object" && isPlainObject(value)) {
    for (const [key, field] of Object.entries(shape.fields)) {
      yield* namings(field, Reflect.get(value, key), [...keys, key]);
    }
  } else if (shape?.kind === "name" && typeof value === "string") {
    if (range === undefined || !DURATION_PATTERN.test(value)) {
      yield { keys, section: shape.section, name: value, range };
    }
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
          const known = Object.keys(configuration[naming.section]?.instances ?? {});
          if (known.includes(naming.name)) continue;
          const keys = [...path, ...naming.keys.map(spell)];
          const place = [...root, spell(naming.section), "instances"].join(".");
          yield { keys, message: unknownName(keys.join("."), naming, known, place, "there are none") };
        }
      }
    }
  }
}

/**
 * Checks the names in an option that a component is being made with.
 *
 * @param shape of the option, which its rule has checked.
 * @throws TypeError when there is no instance of that name.
 */
export function checkNames(shape: FileShape | undefined, value: unknown, label: string): void {
  for (const naming of namings(shape, value, [label])) {
    const known = namedInstances(naming.section);
    if (known.includes(naming.name)) continue;
    // As a file writes it, which is where most look for it.
    const place = `${toSnakeCase(naming.section)}.instances`;
    const isLoaded = Object.keys(currentConfiguration()).length > 0;
    const none = isLoaded ? "there are none" : "no configuration is loaded";
    throw new TypeError(unknownName(naming.keys.join("."), naming, known, place, none));
  }
}

/**
 * @param place where the instances are in the configuration.
 * @param none what is said when there are none.
 */
function unknownName(
  label: string,
  { name, range }: Naming,
  known: readonly string[],
  place: string,
  none: string,
): string {
  const meant = nearest(name, known);
  const there = known.length === 0 ? none : `known are ${known.join(", ")}`;
  const advice = meant === undefined ? there : `did you mean ${meant}?`;
  const or = range === undefined ? "" : `${durationRule(range)}; or `;
  return `${label} must be ${or}a name in ${place} of the configuration; got ${show(name)}; ${advice}`;
}
