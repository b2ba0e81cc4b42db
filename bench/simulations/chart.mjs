// A line chart as SVG: plain, and readable on light and on dark ground.
const WIDTH = 760;
const HEIGHT = 320;
const EDGE = { left: 48, right: 16, top: 56, bottom: 40 };

/** `lines` and `steps` have one value a second; what is above `top` is cut off. */
export function chart({ title, lines, steps, top }) {
  const last = steps.length - 1;
  const x = (second) => (EDGE.left + (second / last) * (WIDTH - EDGE.left - EDGE.right)).toFixed(1);
  const y = (value) =>
    (HEIGHT - EDGE.bottom - (Math.min(value, top) / top) * (HEIGHT - EDGE.top - EDGE.bottom)).toFixed(1);
  const points = (values) => values.map((value, second) => `${x(second)},${y(value)}`).join(" ");
  const all = [{ label: "capacity", values: steps }, ...lines];
  const grid = Array.from({ length: 5 }, (_, step) => (step * top) / 4).map(
    (value) =>
      `<path class="grid" d="M${EDGE.left} ${y(value)}H${WIDTH - EDGE.right}"/><text x="${EDGE.left - 8}" y="${y(value)}" dy="4" text-anchor="end">${value}</text>`,
  );
  const seconds = Array.from({ length: 5 }, (_, step) => Math.round((step * (last + 1)) / 4)).map(
    (second) =>
      `<text x="${x(Math.min(second, last))}" y="${HEIGHT - 20}" text-anchor="middle">${second} s</text>`,
  );
  const keys = all.map(
    ({ label }, at) =>
      `<path class="line l${at}" d="M${EDGE.left + at * 150} 40h24"/><text x="${EDGE.left + at * 150 + 30}" y="44">${label}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}">
<style>
text { font: 12px system-ui, sans-serif; fill: #333 }
.grid { stroke: #8884; fill: none }
.line { fill: none; stroke-width: 2 }
.l0 { stroke: #888; stroke-dasharray: 5 4 }
.l1 { stroke: #0969da }
.l2 { stroke: #c2410c }
@media (prefers-color-scheme: dark) { text { fill: #ddd } .l1 { stroke: #58a6ff } .l2 { stroke: #fb923c } }
</style>
<text x="${EDGE.left}" y="22" style="font-weight: 600">${title}</text>
${[...grid, ...seconds, ...keys].join("\n")}
${all.map(({ values }, at) => `<polyline class="line l${at}" points="${points(values)}"/>`).join("\n")}
</svg>
`;
}
