// Small line charts side by side, over the sizes of a fleet; readable on light and on dark ground.
const PANEL = { width: 250, height: 210, left: 44, right: 26, top: 66, bottom: 34 };

/** `panels`: `{ title, top, unit, lines: [{ label, values }] }`, a value for each of `sizes`. */
export function panels({ title, sizes, panels: all }) {
  const width = PANEL.width * all.length;
  const height = PANEL.height + 20;
  const labels = all[0].lines.map(({ label }) => label);
  const keys = labels.map(
    (label, at) =>
      `<path class="line l${at}" d="M${PANEL.left + at * 150} 40h20"/><text x="${PANEL.left + at * 150 + 26}" y="44">${label}</text>`,
  );
  const drawn = all.map((panel, at) => draw(panel, sizes, at * PANEL.width));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">
<style>
text { font: 12px system-ui, sans-serif; fill: #333 }
.grid { stroke: #8884; fill: none }
.line { fill: none; stroke-width: 2 }
.l0 { stroke: #0969da }
.l1 { stroke: #c2410c }
.l2 { stroke: #15803d }
.l3 { stroke: #888 }
@media (prefers-color-scheme: dark) { text { fill: #ddd } .l0 { stroke: #58a6ff } .l1 { stroke: #fb923c } .l2 { stroke: #4ade80 } }
</style>
<text x="${PANEL.left}" y="22" style="font-weight: 600">${title}</text>
${keys.join("\n")}
${drawn.join("\n")}
</svg>
`;
}

function draw({ title, top, unit = "", lines }, sizes, offset) {
  const x = (at) =>
    offset + PANEL.left + (at / (sizes.length - 1)) * (PANEL.width - PANEL.left - PANEL.right);
  const y = (value) =>
    PANEL.height -
    (Math.min(value, top) / top) * (PANEL.height - PANEL.top - PANEL.bottom) +
    20 -
    PANEL.bottom;
  const grid = [0, 0.5, 1].map((part) => {
    const level = y(part * top).toFixed(1);
    return `<path class="grid" d="M${x(0)} ${level}H${x(sizes.length - 1).toFixed(1)}"/><text x="${x(0) - 6}" y="${level}" dy="4" text-anchor="end">${part * top}${unit}</text>`;
  });
  const ticks = sizes.map(
    (size, at) =>
      `<text x="${x(at).toFixed(1)}" y="${PANEL.height + 6}" text-anchor="middle">${size.toLocaleString("en")}</text>`,
  );
  const curves = lines.map(({ values }, at) => {
    const points = values.flatMap((value, size) =>
      value === undefined ? [] : [`${x(size).toFixed(1)},${y(value).toFixed(1)}`],
    );
    return `<polyline class="line l${at}" points="${points.join(" ")}"/>`;
  });
  return [`<text x="${x(0)}" y="${PANEL.top + 2}">${title}</text>`, ...grid, ...ticks, ...curves].join("\n");
}
