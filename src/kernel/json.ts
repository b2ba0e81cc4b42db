import type { Json } from "./component.js";

/** The JSON of an object, as data; a number that JSON cannot express becomes text: `"Infinity"`. */
export function jsonOf(object: object): Json {
  const text = JSON.stringify(object, (_key, value: unknown) =>
    typeof value === "number" && !Number.isFinite(value) ? String(value) : value,
  );
  return JSON.parse(text) as Json;
}
