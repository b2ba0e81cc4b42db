// @ts-check
// A full-screen view that does not flicker and restores the terminal, however the process ends.
import { stripVTControlCharacters, styleText } from "node:util";

/** @typedef {Parameters<typeof styleText>[0]} Style */

const ESCAPE = "\x1b";
const ENTER = `${ESCAPE}[?1049h${ESCAPE}[?25l${ESCAPE}[2J`;
const LEAVE = `${ESCAPE}[?25h${ESCAPE}[?1049l`;
// Terminals that support synchronised output show the frame at once; others ignore this.
const BEGIN_FRAME = `${ESCAPE}[?2026h${ESCAPE}[H`;
const END_FRAME = `${ESCAPE}[J${ESCAPE}[?2026l`;
const TO_END_OF_LINE = `${ESCAPE}[K`;
const SEQUENCE = new RegExp(`${ESCAPE}\\[[0-9;]*m`, "y");

let colours = true;

/** @param {boolean} wanted */
export function useColours(wanted) {
  colours = wanted;
}

/** @param {Style} style @param {string} text */
export function paint(style, text) {
  return colours ? styleText(style, text, { validateStream: false }) : text;
}

/** How many columns a text takes; all of this program's characters take one. @param {string} text */
export function widthOf(text) {
  return Array.from(stripVTControlCharacters(text)).length;
}

/** @param {string} text @param {number} width */
export function pad(text, width) {
  return text + " ".repeat(Math.max(0, width - widthOf(text)));
}

/** Cuts a coloured text to a width; "…" marks the cut. @param {string} text @param {number} width */
export function fit(text, width) {
  if (widthOf(text) <= width) return text;
  let cut = "";
  let used = 0;
  for (let index = 0; index < text.length && used < width - 1;) {
    SEQUENCE.lastIndex = index;
    const [sequence] = SEQUENCE.exec(text) ?? [];
    const next = sequence ?? String.fromCodePoint(text.codePointAt(index) ?? 32);
    if (sequence === undefined) used++;
    cut += next;
    index += next.length;
  }
  return `${cut}…${ESCAPE}[0m`;
}

/** Breaks a plain text between words, into lines of at most a width. @param {string} text @param {number} width */
export function wrap(text, width) {
  const lines = [""];
  for (const word of text.split(/(?<= )/)) {
    const last = lines.length - 1;
    if (lines[last] !== "" && `${lines[last]}${word}`.trimEnd().length > width) lines.push(word);
    else lines[last] += word;
  }
  return lines.map((line) => line.trimEnd());
}

export class Screen {
  #out;
  #open = false;
  /** @type {() => readonly string[]} */
  #frame;

  /** @param {import("node:tty").WriteStream} out @param {(columns: number, rows: number) => readonly string[]} frame */
  constructor(out, frame) {
    this.#out = out;
    this.#frame = () => frame(out.columns, out.rows);
  }

  open() {
    if (this.#open) return;
    this.#open = true;
    this.#out.write(ENTER);
    this.#out.on("resize", this.#clear);
    process.on("exit", this.close);
    process.on("SIGTSTP", this.#suspend);
    process.on("SIGCONT", this.#resume);
  }

  draw() {
    if (!this.#open) return;
    const lines = this.#frame().slice(0, this.#out.rows);
    const text = lines.map((line) => fit(line, this.#out.columns) + TO_END_OF_LINE).join("\r\n");
    this.#out.write(BEGIN_FRAME + text + END_FRAME);
  }

  close = () => {
    if (!this.#open) return;
    this.#open = false;
    this.#out.write(LEAVE);
    this.#out.off("resize", this.#clear);
    process.off("exit", this.close);
    process.off("SIGTSTP", this.#suspend);
    process.off("SIGCONT", this.#resume);
  };

  #clear = () => {
    this.#out.write(`${ESCAPE}[2J`);
    this.draw();
  };

  // Ctrl-Z: restores the shell's screen until `fg`.
  #suspend = () => {
    this.#out.write(LEAVE);
    process.kill(process.pid, "SIGSTOP");
  };

  #resume = () => {
    this.#out.write(ENTER);
    this.draw();
  };
}
