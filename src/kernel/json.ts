import type { Json } from "./component.js";

/** What `JSON.stringify` makes of `told`, as data; a number that JSON does not have is text: `"Infinity"`. */
export function jsonOf(told: object): Json {
  const text = JSON.stringify(told, (_key, value: unknown) =>
    typeof value === "number" && !Number.isFinite(value) ? String(value) : value,
  );
  return JSON.parse(text) as Json;
}
