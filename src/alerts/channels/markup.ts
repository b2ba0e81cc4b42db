import type { AlertLevel, Delivery } from "../alert.js";
import { cut } from "../messages.js";

const MARKS: Readonly<Record<AlertLevel, string>> = {
  info: "ℹ️",
  success: "✅",
  warning: "⚠️",
  critical: "🚨",
};

/** Characters that end lines or change the direction of text, and halves of characters, which no JSON parser must take. */
const UNSAFE = /[\p{Cc}\p{Cs}\u2028\u2029\u202A-\u202E\u2066-\u2069]/gu;

function replaced(character: string): string {
  if (character === "\n" || character === "\t") return character;
  return /\p{Cs}/u.test(character) ? "\uFFFD" : " ";
}

/** Lines of text without other control characters. */
export function plainLines(text: string): string {
  return text.replaceAll(/\r\n?/g, "\n").replaceAll(UNSAFE, replaced).trimEnd();
}

/** Text on one line, without control characters. */
export function plainLine(text: string): string {
  return plainLines(text).replaceAll(/\s+/g, " ").trim();
}

/** The beginning of a text that is at most `length` long when it is escaped; about the longest. */
export function cutEscaped(text: string, length: number, escape: (text: string) => string): string {
  let kept = text.length;
  for (;;) {
    const found = cut(text, kept);
    const excess = escape(found).length - length;
    if (excess <= 0 || kept < 1) return found;
    // An escaped character is at most five times as long.
    kept -= Math.ceil(excess / 5);
  }
}

/**
 * The title with its level, what it stands for, and that it is over; the number is never cut off.
 *
 * @param length the longest, when it is escaped.
 */
export function headline(
  { title, level, isRecovery, count }: Delivery,
  length: number,
  escape: (text: string) => string,
): string {
  const before = isRecovery ? `${MARKS.success} Resolved: ` : `${MARKS[level]} `;
  const after = count > 1 ? ` × ${count}` : "";
  return before + cutEscaped(plainLine(title), length - before.length - after.length, escape) + after;
}

/** The level as a word, for where there are no colours. */
export function label({ level, isRecovery }: Delivery): string {
  return isRecovery ? "RESOLVED" : level.toUpperCase();
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/** Text for Slack's markup, in which only these three have a meaning that others can use. */
export function escapeSlack(text: string): string {
  return text.replaceAll(/[&<>]/g, (character) => ENTITIES[character] ?? character);
}

/** Text for the Markdown of Mattermost and Discord: nothing is formatted, and nobody is mentioned. */
export function escapeMarkdown(text: string): string {
  return (
    text
      .replaceAll(/[\\`*_{}[\]()#|~>]/g, String.raw`\$&`)
      // Lists, lines and headings.
      .replaceAll(/^([ \t]*\d{0,9})([-+=.])/gm, String.raw`$1\$2`)
      // Neither has an escape everywhere: a space without width keeps `@all` and `<!channel>` from being read as such.
      .replaceAll(/[@<]/g, "$&\u200B")
  );
}
