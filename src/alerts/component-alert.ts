import { show } from "../kernel/show.js";
import type { Alert } from "./alert.js";
import { fieldOf } from "./field-of.js";

const TOLD: ReadonlySet<unknown> = new Set(["string", "number", "boolean", "bigint"]);

/** The names of what a component tells; a proxy may throw. */
function keysOf(context: unknown): readonly string[] {
  try {
    return Object.keys(Object(context) as object);
  } catch {
    return [];
  }
}

const textOf = (part: unknown): string => (typeof part === "string" ? part : show(part));

/** The alert of what a component gives its `onAlert`. */
export function componentAlert(channel: unknown, message: unknown, context: unknown): Alert {
  const facts = keysOf(context)
    .map((fact) => [fact, fieldOf(context, fact)] as const)
    .filter(([, value]) => TOLD.has(typeof value));
  const isMinor = facts.some(([fact, value]) => fact === "event" && value === "missedBeat");
  return {
    title: `${textOf(channel)}: ${textOf(message)}`,
    body: facts.map(([fact, value]) => `${fact}: ${String(value)}`).join("\n"),
    level: isMinor ? "warning" : "critical",
  };
}
