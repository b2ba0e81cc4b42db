import { show } from "./show.js";

/**
 * The edits that make one word of the other: Levenshtein's, and the swap of two neighbours. Not exact, but more
 * than `most`, when there are more.
 */
function edits(from: string, to: string, most: number): number {
  if (from === "" || to === "") return from.length + to.length;
  if (from[0] === to[0]) return edits(from.slice(1), to.slice(1), most);
  if (most <= 0) return 1;
  const after = (ofFrom: number, ofTo: number): number =>
    1 + edits(from.slice(ofFrom), to.slice(ofTo), most - 1);
  const swapped = from[0] === to[1] && from[1] === to[0];
  return Math.min(after(1, 0), after(0, 1), after(1, 1), swapped ? after(2, 2) : Infinity);
}

/** The known name that `name` is most likely a slip of, or `undefined` when none is close. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[_-]/g, "");
  // Longer than any option: the beginning is enough.
  const written = plain(name.slice(0, 64));
  let found: string | undefined;
  // A third of the letters, from two to four edits; but fewer than the name has letters, or anything would match.
  let most = Math.min(Math.max(2, Math.floor(written.length / 3)), 4, written.length - 1);
  for (const candidate of known) {
    const needed = edits(written, plain(candidate), most);
    if (needed <= most) {
      most = needed - 1;
      found = candidate;
    }
  }
  return found;
}

/** Throws a TypeError with a suggestion unless `name` is a key of `known`; `what` is "an option of X", say. */
export function checkName(name: unknown, known: object, what: string): void {
  const given = typeof name === "string" ? name : show(name);
  if (Object.hasOwn(known, given)) return;
  const names = Object.keys(known);
  const meant = nearest(given, names);
  throw new TypeError(
    `${given} is not ${what}; ${meant === undefined ? `allowed are ${names.join(", ")}` : `did you mean ${meant}?`}`,
  );
}
