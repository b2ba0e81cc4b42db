import { isCollection, isMap, isNode, isScalar, isSeq, type Node, type Scalar } from "yaml";

/** Called for a node that is refused. */
export type Refuse = (node: Node | undefined, keys: readonly string[], message: string) => void;

/** The tags that only confirm what a value is without them, and what it must be then. */
const TAGS: Readonly<Record<string, (value: unknown) => boolean>> = {
  str: (value) => typeof value === "string",
  int: (value) => typeof value === "number",
  float: (value) => typeof value === "number",
  bool: (value) => typeof value === "boolean",
  null: (value) => value === null,
};
const STANDARD = "tag:yaml.org,2002:";

function aboutTag(node: Node): string | undefined {
  const { tag } = node;
  // `!` alone makes a string of what follows, as it should.
  if (tag === undefined || tag === "!") return undefined;
  if (isMap(node) && tag === `${STANDARD}map`) return undefined;
  if (isSeq(node) && tag === `${STANDARD}seq`) return undefined;
  if (!tag.startsWith(STANDARD)) {
    return `${tag} is an unknown tag: nothing is substituted or looked up. Write the value itself, or set it in code.`;
  }
  const name = tag.slice(STANDARD.length);
  const fits = Object.hasOwn(TAGS, name) ? TAGS[name] : undefined;
  if (fits === undefined || !isScalar(node)) return `!!${name} is an unknown tag; leave it out.`;
  return fits(node.value)
    ? undefined
    : `!!${name} does not fit ${node.source ?? "this value"}; leave the tag out.`;
}

/** A number that another YAML parser reads differently. */
function aboutNumber({ value, source = "" }: Scalar): string | undefined {
  if (typeof value !== "number") return undefined;
  if (/^[-+]?0\d/.test(source) && value === Number(source)) {
    return `${source} is ${value} to some readers of YAML and octal to others; write ${value}, or "${source}" for a text.`;
  }
  if (/^[-+]?\d+$/.test(source) && !Number.isSafeInteger(value)) {
    return `${source} is too large to be read exactly; put it in quotes.`;
  }
  return undefined;
}

/** What is meant as a variable: in all quotes but the single ones, as in a shell. */
function aboutText({ value, type }: Scalar): string | undefined {
  if (typeof value !== "string" || type === "QUOTE_SINGLE") return undefined;
  const [variable] = /\$\{\w[^}]*\}/.exec(value) ?? [];
  return variable && `${notSubstituted(variable)} In single quotes it stands for itself.`;
}

/** Advice on a variable. */
export function notSubstituted(variable: string): string {
  return `${variable} is not substituted. Write the value itself, or set it in code.`;
}

/**
 * Calls `refuse` for values that the parser would misread, in `node` and the targets of its aliases: unknown tags, ambiguous numbers, variables, keys that are not words.
 *
 * @param targets the target of each alias.
 */
export function findMisread(
  root: unknown,
  path: readonly string[],
  targets: ReadonlyMap<unknown, Node>,
  refuse: Refuse,
): void {
  const seen = new Set<unknown>();
  const walk = (found: unknown, keys: readonly string[]): void => {
    const node = targets.get(found) ?? found;
    // The target of two aliases is reported once.
    if (!isNode(node) || seen.has(node)) return;
    seen.add(node);
    const problem = aboutTag(node) ?? (isScalar(node) ? (aboutNumber(node) ?? aboutText(node)) : undefined);
    if (problem !== undefined) refuse(node, keys, `${keys.join(".")}: ${problem}`);
    if (isSeq(node)) for (const [index, item] of node.items.entries()) walk(item, [...keys, String(index)]);
    if (!isMap(node)) return;
    for (const { key, value } of node.items) {
      const isWord = isScalar(key) && key.value !== null;
      const inner = isScalar(key)
        ? [...keys, typeof key.value === "symbol" ? "<<" : String(key.value)]
        : keys;
      if (!isWord && isNode(key)) {
        refuse(
          key,
          keys,
          `${keys.join(".")}: a key must be a word; this is ${isCollection(key) ? "a collection" : "nothing"}.`,
        );
      }
      walk(value, inner);
    }
  };
  walk(root, path);
}
