// The table in docs/runtimes.md, between two markers.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import fs from "node:fs";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "../..");
export const DOCUMENT = path.join(root, "docs", "runtimes.md");
export const BEGIN = "<!-- The rest is written by `npm run test:matrix`: -->";
export const END = "<!-- until here. -->";

/** A reason from a warning or a report, as a sentence. */
const sentence = (reason) =>
  reason.replace(/^[a-z]/, (letter) => letter.toUpperCase()).replace(/^KSTLIB_\w+/, "`$&`");

/**
 * The table and its footnotes; `resultOf(capability, runtime)` returns the content of a cell. Cells with the same reason
 * share a footnote.
 */
export function tableOf(runtimes, capabilities, resultOf) {
  const reasons = [];
  const headingOf = ({ area }) => [`**${area}**`, ...runtimes.map(() => "")];
  const cell = ({ result, why }) => {
    if (why === undefined) return result;
    if (!reasons.includes(why)) reasons.push(why);
    return `${result} <sup>${reasons.indexOf(why) + 1}</sup>`;
  };
  const lines = [
    ["", ...runtimes.map(({ title }) => title)],
    ["---", ...runtimes.map(() => "---")],
    ...capabilities.flatMap((capability, index) => [
      ...(capability.area === capabilities[index - 1]?.area ? [] : [headingOf(capability)]),
      [capability.title, ...runtimes.map((runtime) => cell(resultOf(capability, runtime)))],
    ]),
  ];
  const table = lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
  const notes = reasons.map((reason, index) => `${index + 1}. ${sentence(reason)}`).join("\n");
  return notes === "" ? table : `${table}\n\n${notes}`;
}

/** Writes the results of a complete run into the document. */
export function writeDocument(runtimes, capabilities, rows) {
  const found = new Map(rows.map((row) => [`${row.runtime} ${row.capability}`, row]));
  const table = tableOf(runtimes, capabilities, ({ id }, runtime) => found.get(`${runtime.id} ${id}`));
  const text = fs.readFileSync(DOCUMENT, "utf8");
  const [before, after] = [text.indexOf(BEGIN) + BEGIN.length, text.indexOf(END)];
  if (before < BEGIN.length || after < before) throw new Error(`${DOCUMENT} has lost its markers`);
  const where = `On ${process.platform} ${process.arch}:`;
  fs.writeFileSync(DOCUMENT, `${text.slice(0, before)}\n\n${where}\n\n${table}\n\n${text.slice(after)}`);
  const require = createRequire(path.join(root, "package.json"));
  const { bin } = require("oxfmt/package.json");
  const formatter = path.join(root, "node_modules/oxfmt", typeof bin === "string" ? bin : bin.oxfmt);
  spawnSync(process.execPath, [formatter, DOCUMENT], { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
}
