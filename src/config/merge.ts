import type { FileOptions, FileSection, FileSections } from "./file-sections.js";
import { isTree } from "./names.js";

/** `over` on top of `under`, each key that both have by `both`. */
function mergeMaps<Value>(
  under: ReadonlyMap<string, Value>,
  over: ReadonlyMap<string, Value>,
  both: (under: Value, over: Value) => Value,
): ReadonlyMap<string, Value> {
  const merged = new Map(under);
  for (const [key, value] of over) {
    const below = merged.get(key);
    merged.set(key, below === undefined ? value : both(below, value));
  }
  return merged;
}

/** Mappings key by key, everything else replaced. */
function mergeValues(under: unknown, over: unknown): unknown {
  if (!isTree(under) || !isTree(over)) return over;
  // `fromEntries` defines properties: a key `__proto__` is data like any other.
  return Object.fromEntries(
    mergeMaps(new Map(Object.entries(under)), new Map(Object.entries(over)), mergeValues),
  );
}

function mergeOptions(under: FileOptions, over: FileOptions): FileOptions {
  return mergeMaps(under, over, mergeValues);
}

function mergeSection(under: FileSection, over: FileSection): FileSection {
  const instances =
    under.instances !== undefined && over.instances !== undefined
      ? mergeMaps(under.instances, over.instances, mergeOptions)
      : (over.instances ?? under.instances);
  return { own: mergeOptions(under.own, over.own), instances };
}

/** Two files as one: `over` overrides `under`. */
export function mergeSections(under: FileSections, over: FileSections): FileSections {
  return mergeMaps(under, over, mergeSection);
}
