/** Optimal string alignment distance: Levenshtein's edits plus the swap of two neighbours. */
function distance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const substitution = from[row - 1] === to[column - 1] ? 0 : 1;
      let best = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + substitution,
      );
      if (from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]) {
        best = Math.min(best, (beforeLast[column - 2] ?? Infinity) + 1);
      }
      current.push(best);
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length] ?? 0;
}

/** The known name that `name` is most likely a slip of, or `undefined` when none is close. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[_-]/g, "");
  // Of a name as long as no option is, the beginning says enough.
  const written = plain(name.slice(0, 64));
  let found: string | undefined;
  // With as many edits as letters nothing of what was written is left.
  let least = Math.min(Math.max(2, Math.floor(written.length / 3)) + 1, written.length);
  for (const candidate of known) {
    const edits = distance(written, plain(candidate));
    if (edits < least) {
      least = edits;
      found = candidate;
    }
  }
  return found;
}
