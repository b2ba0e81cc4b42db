import { isPlainObject } from "./plain-object.js";

/** A frozen copy of data; functions, class instances and objects with symbol keys are left as they are. */
export function frozenCopy(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return Object.freeze(value.map(frozenCopy));
  if (!isPlainObject(value) || Object.getOwnPropertySymbols(value).length > 0) return value;
  return Object.freeze(
    Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, frozenCopy(inner)])),
  );
}
