import type { FileShape } from "../kernel/rules.js";
import { toSnakeCase } from "../kernel/snake-case.js";

/** A mapping of a YAML file. */
export type Tree = { readonly [key: string]: unknown };

/** Whether a value of a YAML file is a mapping, not a list or a scalar. */
export function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

type ObjectShape = Extract<FileShape, { readonly kind: "object" }>;

function objectShape(shape: FileShape | undefined): ObjectShape | undefined {
  if (shape?.kind === "object") return shape;
  if (shape?.kind !== "either") return undefined;
  return shape.shapes.map(objectShape).find((found) => found !== undefined);
}

/** The value of an option as a constructor takes it: nested keys in camelCase, other data as they are. */
export function toCamelCase(value: unknown, shape: FileShape | undefined): unknown {
  const found = objectShape(shape);
  if (found === undefined || !isTree(value)) return value;
  const bySnakeCase = new Map(
    Object.entries(found.fields).map(([key, field]) => [toSnakeCase(key), { key, field }]),
  );
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const { key, field } = bySnakeCase.get(name) ?? { key: name, field: found.others };
      return [key, toCamelCase(inner, field)];
    }),
  );
}

/** The reverse of {@link toCamelCase}: the value of an option as a file writes it. */
export function toFileKeys(value: unknown, shape: FileShape | undefined): unknown {
  const found = objectShape(shape);
  if (found === undefined || !isTree(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) =>
      Object.hasOwn(found.fields, key)
        ? [toSnakeCase(key), toFileKeys(inner, found.fields[key])]
        : [key, toFileKeys(inner, found.others)],
    ),
  );
}
