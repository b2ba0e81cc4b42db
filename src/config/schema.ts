import * as v from "valibot";
import type { SectionName } from "../kernel/configured.js";
import { DURATION_PATTERN } from "../kernel/duration.js";
import { isError } from "../kernel/is-error.js";
import type { FileShape, Rule } from "../kernel/rules.js";
import { type SectionRules, sections } from "../sections.js";
import { MEANINGS } from "./meanings.js";
import { ALIASES, SECTION_KEYS, toCamelCase, toSnakeCase } from "./names.js";

type Schema = v.GenericSchema;

/** To Valibot an array is an object with the keys 0, 1, 2 …; to a configuration it is a mistake. */
const notAnArray = v.custom<object>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
);

function mapping(schema: v.GenericSchema<object, unknown>): Schema {
  return v.pipe(notAnArray, schema);
}

function objectOf(entries: Record<string, Schema>): Schema {
  return mapping(v.strictObject(entries));
}

/** An empty section, `heartbeat:` with everything under it commented out, says nothing. */
function orEmpty(schema: Schema): Schema {
  return v.nullable(schema);
}

function numberSchema(min: number, above: boolean, max: number): v.GenericSchema<number> {
  const limited = above ? v.pipe(v.number(), v.gtValue(min)) : v.pipe(v.number(), v.minValue(min));
  return max < Number.MAX_SAFE_INTEGER ? v.pipe(limited, v.maxValue(max)) : limited;
}

function shapeSchema(shape: FileShape): Schema {
  switch (shape.kind) {
    case "duration":
      return v.union([
        numberSchema(0, !shape.zero, shape.long ? Number.MAX_VALUE : 3600),
        v.pipe(v.string(), v.regex(DURATION_PATTERN)),
      ]);
    case "number": {
      const number = numberSchema(shape.min, shape.above, shape.max);
      return shape.integer ? v.pipe(number, v.integer()) : number;
    }
    case "text":
      return v.pipe(v.string(), v.nonEmpty());
    case "boolean":
      return v.boolean();
    case "choice":
      return v.picklist(shape.values);
    case "list":
      return v.array(v.picklist(shape.values));
    case "record":
      return mapping(v.record(v.string(), v.unknown()));
    case "either":
      return v.union(shape.shapes.map(shapeSchema));
    case "object":
      return objectOf(
        Object.fromEntries(
          Object.entries(shape.fields).map(([key, field]) => [
            toSnakeCase(key),
            v.optional(shapeSchema(field)),
          ]),
        ),
      );
  }
}

/** What the rule itself has against a value, in its own words; `undefined` when it has nothing. */
export function objection(rule: Rule<unknown>, value: unknown, label: string): string | undefined {
  try {
    rule.parse(toCamelCase(value, rule.file), label);
    return undefined;
  } catch (error) {
    return isError(error) ? error.message : String(error);
  }
}

function ruleSchema(rule: Rule<unknown>, shape: FileShape, means: string | undefined): Schema {
  const byDefault = rule.fallback === undefined ? "" : ` Default: ${JSON.stringify(rule.fallback)}.`;
  return v.pipe(
    shapeSchema(shape),
    v.check((value) => objection(rule, value, "") === undefined),
    v.description(`${means === undefined ? "" : `${means}: `}${rule.allowed}.${byDefault}`),
  );
}

function optionEntries(section: SectionName, rules: SectionRules): Record<string, Schema> {
  const entries: Record<string, Schema> = {};
  for (const [key, rule] of Object.entries(rules)) {
    if (rule.file === undefined) continue;
    const schema = v.optional(ruleSchema(rule, rule.file, MEANINGS[section].options[key]?.means));
    entries[toSnakeCase(key)] = schema;
    const alias = ALIASES[section]?.[key];
    if (alias !== undefined) entries[alias] = schema;
  }
  return entries;
}

function sectionSchema(section: SectionName): Schema {
  const options = optionEntries(section, sections[section]);
  const instances = mapping(v.record(v.string(), orEmpty(objectOf(options))));
  return orEmpty(objectOf({ ...options, instances: v.optional(orEmpty(instances)) }));
}

const resilience = orEmpty(
  objectOf(
    Object.fromEntries(
      (Object.keys(sections) as SectionName[]).map((name) => [
        SECTION_KEYS[name],
        v.optional(sectionSchema(name)),
      ]),
    ),
  ),
);

const pathSchema = v.pipe(v.string(), v.nonEmpty());

/**
 * A whole file, made from the constructors' own rules; the shipped JSON Schema is made from it in turn.
 * Other top-level keys belong to other modules.
 */
export const fileSchema: Schema = orEmpty(
  mapping(
    v.looseObject({
      include: v.optional(v.union([pathSchema, v.array(pathSchema)])),
      resilience: v.optional(resilience),
    }),
  ),
);
