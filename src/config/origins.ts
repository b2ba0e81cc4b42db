import { sections } from "../all-sections.js";
import type { ConfigSection, ResilienceConfig } from "../descriptors.js";
import type { SectionDescriptor } from "../kernel/descriptor.js";
import { withoutPassword } from "../kernel/without-password.js";
import { isTree, toFileKeys } from "./names.js";
import { toSnakeCase } from "../kernel/snake-case.js";
import type { KeyPath, YamlFile } from "./yaml-file.js";

/** The place in a file that gives an option its value. */
export interface Origin {
  readonly file: string;
  /** From 1, as the column. */
  readonly line: number;
  readonly column: number;
}

/** The value of one option, or of a part of one whose parts may come from several files. */
export interface EffectiveValue {
  /** The option as a file writes it, and the keys within its value. */
  readonly keys: KeyPath;
  /** As a file would write it; `undefined` when there is no default. */
  readonly value: unknown;
  /** `undefined`: the built-in default. */
  readonly origin: Origin | undefined;
}

/** The values of a section, and those of each of its instances. */
export interface EffectiveSection {
  readonly key: string;
  readonly values: readonly EffectiveValue[];
  readonly instances: readonly { readonly name: string; readonly values: readonly EffectiveValue[] }[];
}

/** The place of a key in the last file that gives it. */
function findOrigin(sources: readonly YamlFile[], paths: readonly KeyPath[]): Origin | undefined {
  for (const source of sources.toReversed()) {
    for (const keys of paths) {
      const { file, line, column } = source.issue(keys, "key", "");
      if (line !== undefined && column !== undefined && source.has(keys)) return { file, line, column };
    }
  }
  return undefined;
}

/** A value, or each of its parts: mappings of several files are merged key by key. */
function leavesOf(value: unknown): readonly { readonly keys: KeyPath; readonly value: unknown }[] {
  if (!isTree(value) || Object.keys(value).length === 0) return [{ keys: [], value }];
  return Object.entries(value).flatMap(([key, inner]) =>
    leavesOf(inner).map((leaf) => ({ keys: [key, ...leaf.keys], value: leaf.value })),
  );
}

/** The options of a section or an instance; later layers override earlier ones. */
interface Layer {
  readonly options: Readonly<Record<string, unknown>>;
  readonly keys: KeyPath;
}

function valuesOf(
  { rules, aliases }: SectionDescriptor,
  layers: readonly Layer[],
  sources: readonly YamlFile[],
): readonly EffectiveValue[] {
  return Object.entries(rules).flatMap(([option, rule]): readonly EffectiveValue[] => {
    if (rule.file === undefined) return [];
    const name = toSnakeCase(option);
    const layer = layers.findLast(({ options }) => options[option] !== undefined);
    if (layer === undefined) return [{ keys: [name], value: rule.fallback, origin: undefined }];
    const alias = aliases?.[option];
    const names = alias === undefined ? [name] : [name, alias];
    return leavesOf(toFileKeys(layer.options[option], rule.file)).map(({ keys, value }) => ({
      keys: [name, ...keys],
      value: typeof value === "string" ? withoutPassword(value) : value,
      origin: findOrigin(
        sources,
        names.map((one) => [...layer.keys, one, ...keys]),
      ),
    }));
  });
}

/** Every option that a file can have, with its value and where that comes from. */
export function effectiveSections(
  config: ResilienceConfig,
  sources: readonly YamlFile[],
): readonly EffectiveSection[] {
  const found: { readonly [section: string]: ConfigSection<object> | undefined } = { ...config };
  return Object.entries(sections).map(([name, section]) => {
    const key = toSnakeCase(name);
    const said = found[name] ?? {};
    const { instances = {}, ...options } = section.isByName ? { instances: { ...said } } : said;
    const own: Layer = { options, keys: ["resilience", key] };
    const ofInstances = section.isByName ? own.keys : [...own.keys, "instances"];
    return {
      key,
      values: section.isByName ? [] : valuesOf(section, [own], sources),
      instances: Object.entries(instances).map(([instance, ofInstance]) => {
        const layer: Layer = { options: { ...ofInstance }, keys: [...ofInstances, instance] };
        return { name: instance, values: valuesOf(section, [own, layer], sources) };
      }),
    };
  });
}
