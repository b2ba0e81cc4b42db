import type { HeartbeatMetadata } from "../../heartbeat-file/state.js";
import type { HeartbeatVerdict } from "../../heartbeat-file/verdict.js";
import { shortSeconds } from "../look.js";
import { beginning, cut, harmless } from "../plain-text.js";
import type { Colour, Paint } from "../style.js";
import { type Cell, type Column, tableLines } from "../table.js";
import { nothingIn } from "./find-files.js";
import type { Finding, Survey } from "./survey.js";

const COLOURS: Readonly<Record<HeartbeatVerdict, readonly Colour[]>> = {
  alive: ["green"],
  stale: ["bold", "yellow"],
  frozen: ["bold", "cyan"],
  stopped: ["blue"],
  dead: ["bold", "red"],
  unknown: ["bold", "yellow"],
};

/** The order in the closing line: alive, then from worst to least bad. */
const VERDICTS: readonly HeartbeatVerdict[] = ["alive", "dead", "frozen", "stale", "unknown", "stopped"];

const COLUMNS: readonly Column[] = [
  { title: "NAME", least: 16, cutFirst: 2 },
  { title: "STATUS" },
  { title: "AGE", right: true },
  { title: "PID", right: true },
  { title: "HOST", least: 8, cutFirst: 1 },
  // Each cell begins with the reason.
  { title: "METADATA", least: 28, cutFirst: 0 },
];

/** How much of a value is shown at most; no terminal is wider. */
const LONGEST = 2000;

/** A value in its shortest unambiguous form: single words unquoted, everything else as JSON. */
function brief(value: HeartbeatMetadata[string]): string {
  const isWord = typeof value === "string" && /^[^\s"={}[\]]+$/.test(value);
  return isWord ? value : JSON.stringify(value);
}

function metadataText(metadata: HeartbeatMetadata): string {
  const pairs: string[] = [];
  let length = 0;
  for (const [key, value] of Object.entries(metadata)) {
    if (length > LONGEST) break;
    const pair = `${brief(key)}=${beginning(brief(value), LONGEST)}`;
    pairs.push(pair);
    length += pair.length;
  }
  return harmless(pairs.join(" "));
}

function row({ name, look, reason }: Finding): readonly Cell[] {
  const { status, age, state } = look;
  return [
    { text: harmless(name), colours: ["bold"] },
    { text: status.toUpperCase(), colours: COLOURS[status] },
    { text: age === null ? "-" : shortSeconds(age) },
    { text: state === null ? "-" : String(state.pid) },
    { text: state === null || state.hostname === "" ? "-" : harmless(beginning(state.hostname, LONGEST)) },
    {
      text: state === null ? "" : metadataText(state.metadata),
      colours: ["dim"],
      lead: { text: reason, colours: COLOURS[status] },
    },
  ];
}

/** The number of heartbeats with each status, on as many lines as needed, and the arguments that match no file. */
function closing(
  { findings, empty, reasons }: Survey,
  paint: Paint,
  columns: number = Number.POSITIVE_INFINITY,
): readonly string[] {
  const lines: string[] = [];
  let width = 0;
  for (const verdict of VERDICTS) {
    const count = findings.filter(({ look }) => look.status === verdict).length;
    if (count === 0) continue;
    const text = `${count} ${verdict}`;
    const shown = paint(text, ...COLOURS[verdict]);
    const before = lines.pop();
    const fits = before !== undefined && width + ", ".length + text.length <= columns;
    if (before !== undefined) lines.push(fits ? `${before}, ${shown}` : before);
    if (!fits) lines.push(shown);
    width = fits ? width + ", ".length + text.length : text.length;
  }
  const nothing = empty.map((target) =>
    cut(`nothing found in ${harmless(nothingIn(target, { reasons }))}`, columns),
  );
  return [...lines, ...nothing.map((text) => paint(text, "yellow"))];
}

/** Sorts heartbeats that are not alive first, and otherwise keeps their order. */
function worstFirst(findings: readonly Finding[]): readonly Finding[] {
  const notAlive = findings.filter(({ look }) => look.status !== "alive");
  return [...notAlive, ...findings.filter(({ look }) => look.status === "alive")];
}

/**
 * The survey as a table and a closing line, at most `columns` wide and `rows` high. If not all heartbeats fit, those
 * that are not alive come first.
 */
export function viewOf(
  found: Survey,
  paint: Paint,
  columns: number | undefined,
  rows: number = Number.POSITIVE_INFINITY,
): readonly string[] {
  const end = closing(found, paint, columns);
  const room = Math.max(1, rows - end.length - (found.findings.length > 0 ? 2 : 0));
  const isTooMuch = found.findings.length > room;
  const shown = isTooMuch ? worstFirst(found.findings).slice(0, Math.max(1, room - 1)) : found.findings;
  const more = isTooMuch ? [paint(`… and ${found.findings.length - shown.length} more`, "dim")] : [];
  const table =
    shown.length === 0 ? [] : [...tableLines(COLUMNS, shown.map(row), paint, columns), ...more, ""];
  return [...table, ...end];
}
