import { displayWidth, padded } from "./plain-text.js";
import type { Colour, Paint } from "./style.js";

/** A cell: harmless text and what it looks like. */
export interface Cell {
  readonly text: string;
  readonly colours?: readonly Colour[];
}

/** One column of a table. */
export interface Column {
  readonly title: string;
  /** Whether its texts stand at the right edge, as numbers do. */
  readonly right?: boolean;
  /** The width to which it may be cut when the terminal is narrow. Without one it stays whole. */
  readonly least?: number;
  /** In which order columns are cut: the lowest first. */
  readonly cutFirst?: number;
}

const GAP = "  ";

/** The widths of the columns: as wide as their texts, and cut, the least important first, until all fit. */
function fit(
  columns: readonly Column[],
  natural: readonly number[],
  width: number | undefined,
): readonly number[] {
  const widths = [...natural];
  if (width === undefined) return widths;
  let over = widths.reduce((sum, one) => sum + one, 0) + GAP.length * (columns.length - 1) - width;
  const order = columns
    .map(({ least, cutFirst = 0 }, index) => ({ index, least, cutFirst }))
    .toSorted((a, b) => a.cutFirst - b.cutFirst);
  for (const { index, least } of order) {
    const has = widths[index] ?? 0;
    if (over <= 0 || least === undefined || has <= least) continue;
    const taken = Math.min(over, has - least);
    widths[index] = has - taken;
    over -= taken;
  }
  return widths;
}

/** The lines of a table, at most `width` columns wide where that is possible. */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  paint: Paint,
  width: number | undefined,
): readonly string[] {
  const header = columns.map(({ title }): Cell => ({ text: title, colours: ["dim"] }));
  const all = columns.some(({ title }) => title !== "") ? [header, ...rows] : rows;
  const natural = columns.map((_, index) =>
    Math.max(0, ...all.map((row) => displayWidth(row[index]?.text ?? ""))),
  );
  const widths = fit(columns, natural, width);
  return all.map((row) => {
    const parts = columns.map(({ right }, index) => {
      const { text = "", colours = [] } = row[index] ?? {};
      const filled = padded(text, widths[index] ?? 0);
      // Only the text is painted, so that nothing but spaces can be trimmed at the end of the line.
      const visible = filled.trimEnd();
      const space = filled.slice(visible.length);
      const painted = paint(visible, ...colours);
      return right ? space + painted : painted + space;
    });
    return parts.join(GAP).trimEnd();
  });
}
