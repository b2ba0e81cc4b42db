// File contents are escaped before display: they may contain anything, and must not control the terminal.

/**
 * Characters that may control a terminal, change the direction of text, or are invisible or incomplete: control,
 * format, private-use, surrogate and unassigned characters, line and paragraph separators.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}\p{Zl}\p{Zp}]/gu;
/** Change the form, and so the width, of the character before them. */
const VARIATION_SELECTORS = /[\uFE00-\uFE0F]/g;
const WIDE =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Yi}\p{Emoji_Presentation}\u3000-\u303E\uFE30-\uFE6F\uFF01-\uFF60\uFFE0-\uFFE6]/u;
const NO_WIDTH = /[\p{Mn}\p{Me}]/u;
/** More than three combining marks on one character: many of them would cover the lines above. */
const EXCESS_MARKS = /([\p{Mn}\p{Me}]{3})[\p{Mn}\p{Me}]+/gu;

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (character === "\n") return "\\n";
  if (character === "\t") return "\\t";
  return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}

/** The text on one line, with unsafe characters escaped. */
export function harmless(text: string): string {
  return text.replaceAll(VARIATION_SELECTORS, "").replaceAll(EXCESS_MARKS, "$1").replaceAll(UNSAFE, escaped);
}

/** JSON with the unsafe characters in its strings escaped; the data stay the same. */
export function harmlessJson(value: unknown, indent?: number): string {
  const escape = (found: string): string =>
    found === "\n"
      ? found
      : Array.from({ length: found.length }, (_, index) => found.charCodeAt(index))
          .map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`)
          .join("");
  return JSON.stringify(value, null, indent).replaceAll(UNSAFE, escape);
}

function widthOf(character: string): number {
  if (NO_WIDTH.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** How many columns of a terminal an escaped text takes. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += widthOf(character);
  return width;
}

/** Shortens an escaped text to at most `width` columns; `…` replaces the rest. */
export function cut(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let kept = "";
  let left = width - 1;
  for (const character of text) {
    left -= widthOf(character);
    if (left < 0) break;
    kept += character;
  }
  return width < 1 ? "" : `${kept}…`;
}

/** {@link cut}, then padded with spaces to `width`. */
export function padded(text: string, width: number): string {
  const fitting = cut(text, width);
  return fitting + " ".repeat(Math.max(0, width - displayWidth(fitting)));
}

/** The first `length` characters of a text, so that the rest need not be measured. */
export function beginning(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
