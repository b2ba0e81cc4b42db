/** How many names a pattern can have before the others are one series. */
export const MAX_NAMES = 1000;
const MAX_LENGTH = 200;
/** The name of the series of all others. */
export const OTHER = "other";

/** A name as a value of an attribute: at most 200 UTF-16 units, and no half of a surrogate pair. */
export function labelOf(name: unknown): string {
  const text = typeof name === "string" ? name : "";
  const cut = text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH - 1)}…` : text;
  return cut.replaceAll(/\p{Cs}/gu, "\uFFFD");
}

/** The names of components that have series: a bounded number, so that names made without end cannot fill the memory. */
export class Names {
  readonly #byPattern = new Map<string, Set<string>>();

  /** The name in series of the pattern. */
  admit(pattern: string, name: unknown): string {
    const names = this.#byPattern.get(pattern) ?? new Set<string>();
    this.#byPattern.set(pattern, names);
    const label = labelOf(name);
    if (names.has(label)) return label;
    if (names.size >= MAX_NAMES) return OTHER;
    names.add(label);
    return label;
  }
}
