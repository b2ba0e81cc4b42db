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

/** What can stand under one key of a mapping. */
interface Field {
  /** Its name in code. */
  readonly code: string;
  /** As a file writes it. */
  readonly file: string;
  readonly shape: FileShape;
}

/** The keys that a mapping can have, and those of the user's choice that it has; `undefined` for what has no such keys. */
export function fieldsOf(shape: FileShape | undefined, value: unknown): readonly Field[] | undefined {
  const found = objectShape(shape);
  if (found === undefined) return undefined;
  const ofType = isTree(value) ? found.byType?.get(value["type"]) : undefined;
  const fields = Object.entries(ofType ?? found.fields).map(([code, field]) => ({
    code,
    file: toSnakeCase(code),
    shape: field,
  }));
  const { others } = found;
  if (others === undefined || !isTree(value)) return fields;
  const more = Object.keys(value).filter((key) => !fields.some(({ file }) => file === key));
  return [...fields, ...more.map((key) => ({ code: key, file: key, shape: others }))];
}

/** A path within the value of an option, as code writes it and as a file does. */
interface InnerPath {
  readonly code: string;
  readonly file: string;
}

/** The paths within the value of an option, the longest first. */
export function innerPaths(shape: FileShape | undefined, value: unknown): readonly InnerPath[] {
  const paths = (fieldsOf(shape, value) ?? []).flatMap(({ code, file, shape: field }) => {
    const inner = innerPaths(field, isTree(value) ? value[file] : undefined);
    return [
      { code, file },
      ...inner.map((one) => ({ code: `${code}.${one.code}`, file: `${file}.${one.file}` })),
    ];
  });
  return paths.toSorted((a, b) => b.code.length - a.code.length);
}

/** The value of an option as a constructor takes it: nested keys in camelCase, other data as they are. */
export function toCamelCase(value: unknown, shape: FileShape | undefined): unknown {
  const fields = fieldsOf(shape, value);
  if (fields === undefined || !isTree(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const field = fields.find(({ file }) => file === key);
      return [field?.code ?? key, toCamelCase(inner, field?.shape)];
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
