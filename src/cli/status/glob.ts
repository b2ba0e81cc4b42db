import { readdirSync, statSync } from "node:fs";
import path from "node:path";

/** How deep `**` goes. */
const DEEPEST = 32;

/** Whether an argument is a pattern that the shell has not expanded, such as a quoted one. */
export function isPattern(text: string): boolean {
  return /[*?]/.test(text);
}

function segmentMatcher(segment: string): (name: string) => boolean {
  const source = segment.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, (character) => {
    if (character === "*") return ".*";
    return character === "?" ? "." : `\\${character}`;
  });
  const shape = new RegExp(`^${source.replaceAll(/(?:\.\*)+/g, ".*")}$`, "su");
  // As in a shell, hidden files match only an explicit dot.
  return (name) => (segment.startsWith(".") || !name.startsWith(".")) && shape.test(name);
}

interface Entry {
  readonly name: string;
  readonly isFolder: boolean;
}

/** The results of a walk. */
interface Walk {
  readonly found: Set<string>;
  readonly onError: (error: unknown) => void;
}

function entriesOf(folder: string, { onError }: Walk): readonly Entry[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    // A missing or inaccessible folder matches nothing.
    onError(error);
    return [];
  }
}

/** Whether the path is a folder or a link to one, which cannot be a heartbeat. */
function leadsToFolder(file: string): boolean {
  try {
    return statSync(file).isDirectory();
  } catch {
    // A broken link counts as a missing file.
    return false;
  }
}

function walk(folder: string, segments: readonly string[], depth: number, to: Walk): void {
  const [segment, ...rest] = segments;
  if (segment === undefined || depth > DEEPEST) return;
  if (segment === "**") {
    walk(folder, rest.length === 0 ? ["*"] : rest, depth, to);
    for (const { name, isFolder } of entriesOf(folder, to)) {
      if (isFolder && !name.startsWith(".")) walk(path.join(folder, name), segments, depth + 1, to);
    }
    return;
  }
  if (!isPattern(segment)) {
    const next = path.join(folder, segment);
    if (rest.length > 0) walk(next, rest, depth, to);
    else if (entriesOf(folder, to).some(({ name, isFolder }) => name === segment && !isFolder))
      to.found.add(next);
    return;
  }
  const matches = segmentMatcher(segment);
  for (const { name, isFolder } of entriesOf(folder, to)) {
    if (!matches(name)) continue;
    const next = path.join(folder, name);
    if (rest.length === 0) {
      if (!isFolder && !leadsToFolder(next)) to.found.add(next);
    } else walk(next, rest, depth, to);
  }
}

/**
 * The files that match a pattern, sorted: `*` and `?` within one name, `**` for any number of folders. Node 20 has no
 * glob function.
 */
export function expandPattern(
  pattern: string,
  cwd: string,
  onError: (error: unknown) => void,
): readonly string[] {
  const found = new Set<string>();
  const absolute = path.resolve(cwd, pattern);
  const { root } = path.parse(absolute);
  walk(root, absolute.slice(root.length).split(path.sep).filter(Boolean), 0, { found, onError });
  return [...found];
}
