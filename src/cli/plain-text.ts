// What a file says of itself goes to somebody's terminal: it may say anything, and must not do anything there.

/**
 * Everything that steers a terminal, turns the direction of writing, cannot be seen, or is half a character:
 * control characters, formats, private use, surrogates, unassigned, line and paragraph separators.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}\p{Zl}\p{Zp}]/gu;
/** They ask for another form of the character before them, of a width that nobody can tell. */
const VARIATION_SELECTORS = /[\uFE00-\uFE0F]/g;
const WIDE =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Yi}\p{Emoji_Presentation}\u3000-\u303E\uFE30-\uFE6F\uFF01-\uFF60\uFFE0-\uFFE6]/u;
const NO_WIDTH = /[\p{Mn}\p{Me}]/u;
/** How many marks one character may carry: a tower of them covers the lines above. */
const TOWERS = /([\p{Mn}\p{Me}]{3})[\p{Mn}\p{Me}]+/gu;

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (character === "\n") return "\\n";
  if (character === "\t") return "\\t";
  return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}

/** The text on one line, with everything in it that could do more than be read written out as an escape. */
export function harmless(text: string): string {
  return text.replaceAll(VARIATION_SELECTORS, "").replaceAll(TOWERS, "$1").replaceAll(UNSAFE, escaped);
}

/** JSON with everything in its strings that could do more than be read as an escape: the same data. */
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

/** How many columns of a terminal a {@link harmless} text takes. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += widthOf(character);
  return width;
}

/** A harmless text in at most `width` columns: what does not fit is replaced by `…`. */
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

/** {@link cut} and filled up with spaces. */
export function padded(text: string, width: number): string {
  const fitting = cut(text, width);
  return fitting + " ".repeat(Math.max(0, width - displayWidth(fitting)));
}

/** The part of a long text that could ever be looked at; what comes after is not even measured. */
export function beginning(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
