import type { Logger } from "../src/log-events.js";

/** A logger that keeps its lines, each after its level; `without` is left out of them. */
export function memoryLogger(without = ""): Logger & { readonly lines: string[] } {
  const lines: string[] = [];
  const at =
    (level: string) =>
    (...line: unknown[]): number =>
      lines.push(`${level} ${line.map(String).join(" ").replace(without, "")}`);
  return { lines, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
