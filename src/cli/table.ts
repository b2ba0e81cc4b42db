import { displayWidth, padded } from "./plain-text.js";
import type { Colour, Paint } from "./style.js";

/** A cell: harmless text and what it looks like. */
export interface Cell {
  readonly text: string;
  readonly colours?: readonly Colour[];
  /** What stands before the text, in colours of its own. */
  readonly lead?: { readonly text: string; readonly colours: readonly Colour[] };
}

/** One column of a table. */
export interface Column {
  readonly title: string;
  /** Whether its texts stand at the right edge, as numbers do. */
  readonly right?: boolean;
  /**
   * The width to which it is cut when the terminal is narrow, and further only when every other one is cut already.
   * Without one it stays whole.
   */
  readonly least?: number;
  /** In which order columns are cut: the lowest first. */
  readonly cutFirst?: number;
}

const GAP = "  ";
const EMPTY: Cell = { text: "" };
/** What is left of a column when nothing else helps. */
const NARROWEST = 4;

function textOf({ lead, text }: Cell): string {
  return [lead?.text ?? "", text].filter(Boolean).join(GAP);
}

function painted({ lead, colours = [] }: Cell, visible: string, paint: Paint): string {
  const led = visible.slice(0, lead?.text.length ?? 0);
  return paint(led, ...(lead?.colours ?? [])) + paint(visible.slice(led.length), ...colours);
}

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
  const cutTo = (index: number, least: number): void => {
    const has = widths[index] ?? 0;
    const taken = Math.max(0, Math.min(over, has - least));
    widths[index] = has - taken;
    over -= taken;
  };
  for (const { index, least } of order) if (least !== undefined) cutTo(index, least);
  for (const { index, least } of order) if (least !== undefined) cutTo(index, NARROWEST);
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
    Math.max(0, ...all.map((row) => displayWidth(textOf(row[index] ?? EMPTY)))),
  );
  const widths = fit(columns, natural, width);
  return all.map((row) => {
    const parts = columns.map(({ right }, index) => {
      const cell = row[index] ?? EMPTY;
      const filled = padded(textOf(cell), widths[index] ?? 0);
      // Only the text is painted, so that nothing but spaces can be trimmed at the end of the line.
      const visible = filled.trimEnd();
      const space = filled.slice(visible.length);
      const shown = painted(cell, visible, paint);
      return right ? space + shown : shown + space;
    });
    return parts.join(GAP).trimEnd();
  });
}
