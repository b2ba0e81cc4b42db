// node scripts/demo-picture.mjs: runs the demo in a terminal, picks a frame for each of its moments, and draws them
// one after the other into docs/demo.svg. Takes about a minute. It needs python3, which provides the terminal.
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { stripVTControlCharacters } from "node:util";
import { ensureBuilt, root } from "./setup.mjs";

const TERMINAL = path.join(root, "test/examples/in-terminal.py");
const DEMO = path.join(root, "examples/trading-bot/main.mjs");
const PICTURE = path.join(root, "docs/demo.svg");

// What the view writes around its frames: see examples/trading-bot/terminal.mjs.
const ESCAPE = "\x1b";
const BEGIN_FRAME = `${ESCAPE}[?2026h${ESCAPE}[H`;
const END_FRAME = `${ESCAPE}[J${ESCAPE}[?2026l`;
const TO_END_OF_LINE = `${ESCAPE}[K`;
const LEAVE = `${ESCAPE}[?1049l`;

const COLUMNS = 100;
const SECONDS_A_FRAME = 4;
// The advance of DejaVu Sans Mono at this size; `textLength` fits every other font into it.
const FONT_SIZE = 14;
const CELL = { width: 8.43, height: 18 };
const MARGIN = 14;
const COLOURS = {
  31: "#ff7b72",
  32: "#3fb950",
  33: "#d29922",
  35: "#bc8cff",
  36: "#39c5cf",
  37: "#f0f6fc",
  90: "#8b949e",
};
const STYLES = [
  ".page{animation:show var(--all) steps(1) infinite;opacity:0}.still{opacity:1}",
  "text{font:14px 'DejaVu Sans Mono',Menlo,Consolas,'Liberation Mono',monospace;fill:#c9d1d9}",
  ".b{font-weight:bold}.d{opacity:.45}",
  ...Object.entries(COLOURS).map(([code, colour]) => `.c${code}{fill:${colour}}`),
  "@media (prefers-reduced-motion:reduce){.page{animation:none}}",
];

/** The moments to show, in the order of the demo, each identified by text on its screen. */
const MOMENTS = [
  /Exchange {3}SLOW.*● CLOSED/s,
  /OUTAGE: ERRORS.*● OPEN/s,
  /PAUSED/,
  /● FROZEN.*● frozen/s,
  /Shutdown .*SIGTERM to the bot/s,
];

/** Everything that the demo writes to its terminal. */
async function record() {
  const { NO_COLOR: _noColour, CI: _ci, ...env } = process.env;
  const child = spawn("python3", [TERMINAL, process.execPath, DEMO], {
    cwd: root,
    env: { ...env, TERM: "xterm-256color" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk) => (text += chunk));
  const [code] = await once(child, "close");
  if (code !== 0)
    throw new Error(`the demo ended with ${code}:\n${stripVTControlCharacters(text).slice(-3000)}`);
  return text;
}

/** The screens to draw: for each moment the middle one of those that show it, then what the demo prints at its end. */
function pages(recording) {
  const frames = recording
    .split(BEGIN_FRAME)
    .slice(1)
    .map((text) => text.split(END_FRAME)[0]);
  const found = MOMENTS.map((moment) => {
    const showing = frames.filter((frame) => moment.test(stripVTControlCharacters(frame)));
    const page = showing[Math.floor(showing.length / 2)];
    if (page === undefined) throw new Error(`no frame shows ${moment}`);
    return page;
  });
  const summary = recording.split(LEAVE).at(-1);
  return [...found, summary].map((page) => page.trimEnd().split(/\r*\n/));
}

/** The words of a line with their columns: texts in one style, without two spaces in a row. */
function wordsOf(line) {
  const found = [];
  let column = 0;
  let style = { bold: false, dim: false, colour: "" };
  for (const sequence of line.replaceAll(TO_END_OF_LINE, "").split(ESCAPE)) {
    const [, codes, text] = /^(?:\[([0-9;]*)m)?(.*)$/.exec(sequence) ?? [];
    for (const code of codes?.split(";") ?? []) {
      if (code === "" || code === "0") style = { bold: false, dim: false, colour: "" };
      else if (code === "1") style = { ...style, bold: true };
      else if (code === "2") style = { ...style, dim: true };
      else if (code === "22") style = { ...style, bold: false, dim: false };
      else style = { ...style, colour: code in COLOURS ? code : "" };
    }
    for (const part of text?.split(/( {2,}|^ | $)/) ?? []) {
      if (part.trim() !== "") found.push({ column, text: part, style });
      column += Array.from(part).length;
    }
  }
  return found;
}

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const rounded = (number) => Number(number.toFixed(2));

function drawWord({ column, text, style }, row) {
  const x = rounded(MARGIN + column * CELL.width);
  const y = MARGIN + row * CELL.height + FONT_SIZE;
  const length = rounded(Array.from(text).length * CELL.width);
  const classes = [style.bold && "b", style.dim && "d", style.colour && `c${style.colour}`].filter(Boolean);
  const attributes = classes.length === 0 ? "" : ` class="${classes.join(" ")}"`;
  return `<text x="${x}" y="${y}" textLength="${length}" lengthAdjust="spacingAndGlyphs"${attributes}>${escaped(text)}</text>`;
}

function draw(screens) {
  const rows = Math.max(...screens.map((lines) => lines.length));
  const width = Math.ceil(COLUMNS * CELL.width + 2 * MARGIN);
  const height = rows * CELL.height + 2 * MARGIN;
  const share = rounded(100 / screens.length);
  const groups = screens.map((lines, index) => {
    const texts = lines.flatMap((line, row) => wordsOf(line).map((word) => drawWord(word, row)));
    // A delay below 0: the animation runs from the start. Without one, the page with the open circuit is seen.
    const delay = `animation-delay:${(index - screens.length) * SECONDS_A_FRAME}s`;
    return `<g class="page${index === 1 ? " still" : ""}" style="${delay}">\n${texts.join("\n")}\n</g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    "<title>The demo in a terminal: a trading bot, its circuit, limiters, heartbeat and watchdog</title>",
    `<style>:root{--all:${screens.length * SECONDS_A_FRAME}s}@keyframes show{0%{opacity:1}${share}%{opacity:0}}${STYLES.join("")}</style>`,
    `<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>`,
    ...groups,
    "</svg>\n",
  ].join("\n");
}

ensureBuilt();
const picture = draw(pages(await record()));
fs.writeFileSync(PICTURE, picture);
console.log(`${path.relative(root, PICTURE)}: ${(picture.length / 1000).toFixed(0)} kB`);
