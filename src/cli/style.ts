import type { Output, Terminal } from "./command.js";

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34, cyan: 36 } as const;

export type Colour = keyof typeof CODES;

/** Colours a text, or returns it unchanged. */
export type Paint = (text: string, ...colours: readonly Colour[]) => string;

/**
 * Colours text on a terminal that supports it, unless `NO_COLOR` is set to any value. Output to a pipe or a file is
 * plain text.
 */
export function painter(output: Output, env: Terminal["env"]): Paint {
  const isPlain = !output.isTTY || Boolean(env["NO_COLOR"]) || env["TERM"] === "dumb";
  if (isPlain) return (text) => text;
  return (text, ...colours) => {
    if (text === "" || colours.length === 0) return text;
    const codes = colours.map((colour) => CODES[colour]).join(";");
    return `\u001B[${codes}m${text}\u001B[0m`;
  };
}
