// The figures of a fleet: as rows for the runner, and as the tables of the page.
import fs from "node:fs";

const percent = (part) => `${Math.round(part * 100)} %`;

export const most = (loads) => Math.max(...loads);

/**
 * The most in a second: what leases of a second are bounded by is `burst + 2 * rate`, without them `burst + rate`, with a
 * burst of a tenth of the rate. What was granted before it was asked again may arrive after it.
 */
const bound = (mode) => (mode.startsWith("lease") ? 2.1 / 1.1 : 1.01);

/** Rows for the runner of benchmarks, with their goals. */
export function figures(rows) {
  return rows.flatMap(({ size, modes, circuit }) => [
    ...Object.entries(modes).flatMap(([mode, { below, above }]) => {
      const row = (what, value, unit, goal = {}) => ({
        id: `${mode.replaceAll(" ", "-")}-${size}-${what.replaceAll(" ", "-")}`,
        label: `${size.toLocaleString("en")} instances, ${mode}: ${what}`,
        value,
        unit,
        ...goal,
      });
      return [
        row("most in a second / allowed", Math.max(below.worst, above.worst), "x", { max: bound(mode) }),
        row("use of the limit at 150 %", above.used * 100, "%"),
        row("round trips a request at 70 %", below.trips, ""),
        row("fairness at 150 % (Jain)", above.fairness, ""),
      ];
    }),
    {
      id: `circuit-${size}`,
      label: `${size.toLocaleString("en")} instances: until all know of an open circuit`,
      value: circuit.last,
      unit: "ms",
      ...(size <= 1000 && { max: 50 }),
    },
  ]);
}

/** Its columns are as wide as their widest cell, as the formatter wants them. */
function table(head, lines) {
  const widths = head.map((_, column) => Math.max(...[head, ...lines].map((cells) => cells[column].length)));
  const row = (cells, filler) =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at], filler)).join(" | ")} |`;
  return [
    row(head, " "),
    row(
      head.map(() => ""),
      "-",
    ),
    ...lines.map((cells) => row(cells, " ")),
  ].join("\n");
}

/** Puts the tables between the marks of the page. */
export function writePage(file, rows) {
  const limits = rows.flatMap(({ size, modes }) =>
    Object.entries(modes).map(([mode, { below, above }]) => [
      size.toLocaleString("en"),
      mode,
      percent(below.used),
      below.trips.toFixed(2),
      percent(most(below.loads)),
      percent(above.used),
      above.trips.toFixed(2),
      percent(most(above.loads)),
      above.fairness.toFixed(2),
      percent(above.undecided),
      `${Math.max(below.worst, above.worst).toFixed(2)} ×`,
    ]),
  );
  const circuits = rows.map(({ size, circuit }) => [
    size.toLocaleString("en"),
    `${circuit.median.toFixed(1)} ms`,
    `${circuit.last.toFixed(1)} ms`,
  ]);
  const text = [
    table(
      [
        "Instances",
        "Mode",
        "70 %: admitted",
        "trips",
        "load",
        "150 %: used",
        "trips",
        "load",
        "fairness",
        "undecided",
        "Most in 1 s",
      ],
      limits,
    ),
    table(["Instances", "Half of them know of an open circuit", "All know"], circuits),
  ].join("\n\n");
  const [before, , after] = fs.readFileSync(file, "utf8").split(/<!-- (?:end of )?figures -->/);
  fs.writeFileSync(file, `${before}<!-- figures -->\n\n${text}\n\n<!-- end of figures -->${after}`);
}
