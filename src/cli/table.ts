import { displayWidth, padded } from "./plain-text.js";
import type { Colour, Paint } from "./style.js";

/** A cell: escaped text and its colours. */
export interface Cell {
  readonly text: string;
  readonly colours?: readonly Colour[];
  /** Precedes the text, in its own colours. */
  readonly lead?: { readonly text: string; readonly colours: readonly Colour[] };
}

/** One column of a table. */
export interface Column {
  readonly title: string;
  /** Whether the texts are right-aligned, like numbers. */
  readonly right?: boolean;
  /**
   * The width to which the column is cut on a narrow terminal; it is cut further only after all others have been cut.
   * If missing, the column is never cut.
   */
  readonly least?: number;
  /** The order in which columns are cut: lowest first. */
  readonly cutFirst?: number;
}

const GAP = "  ";
const EMPTY: Cell = { text: "" };
/** The smallest width to which a column is cut. */
const NARROWEST = 4;

function textOf({ lead, text }: Cell): string {
  return [lead?.text ?? "", text].filter(Boolean).join(GAP);
}

function painted({ lead, colours = [] }: Cell, visible: string, paint: Paint): string {
  const led = visible.slice(0, lead?.text.length ?? 0);
  return paint(led, ...(lead?.colours ?? [])) + paint(visible.slice(led.length), ...colours);
}

/** The widths of the columns: those of their texts, reduced until all fit, least important column first. */
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
      // Spaces are not painted, so that those at the end of the line can be trimmed.
      const visible = filled.trimEnd();
      const space = filled.slice(visible.length);
      const shown = painted(cell, visible, paint);
      return right ? space + shown : shown + space;
    });
    return parts.join(GAP).trimEnd();
  });
}
