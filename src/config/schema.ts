import { meanings, sections } from "../all-sections.js";
import type { SectionDescriptor } from "../kernel/descriptor.js";
import { DURATION_PATTERN } from "../kernel/duration.js";
import type { FileShape, Rule } from "../kernel/rules.js";
import { toSnakeCase } from "../kernel/snake-case.js";

type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: "string", minLength: 1 };

function mapping(properties: Readonly<Record<string, Schema>>): Schema {
  return { type: "object", properties, additionalProperties: false };
}

/** An empty section, `heartbeat:` with everything under it commented out, has no effect. */
function orEmpty(schema: Schema): Schema {
  return { anyOf: [schema, { type: "null" }] };
}

function numberSchema(type: "number" | "integer", min: number, above: boolean, max: number): Schema {
  return {
    type,
    [above ? "exclusiveMinimum" : "minimum"]: min,
    ...(max < Number.MAX_SAFE_INTEGER ? { maximum: max } : {}),
  };
}

function shapeSchema(shape: FileShape): Schema {
  switch (shape.kind) {
    case "duration":
      return {
        anyOf: [
          numberSchema("number", 0, !shape.zero, shape.long ? Infinity : 3600),
          { type: "string", pattern: DURATION_PATTERN.source },
        ],
      };
    case "number":
      return numberSchema(shape.integer ? "integer" : "number", shape.min, shape.above, shape.max);
    case "text":
    case "name":
      return text;
    case "boolean":
      return { type: "boolean" };
    case "choice":
      return { enum: shape.values, type: "string" };
    case "list":
      return {
        type: "array",
        items: shape.values === undefined ? text : { enum: shape.values, type: "string" },
      };
    case "any":
      return {};
    case "record":
      return { type: "object" };
    case "either":
      return { anyOf: shape.shapes.map(shapeSchema) };
    case "object":
      return {
        ...mapping(
          Object.fromEntries(
            Object.entries(shape.fields).map(([key, field]) => [toSnakeCase(key), shapeSchema(field)]),
          ),
        ),
        ...(shape.others === undefined ? {} : { additionalProperties: shapeSchema(shape.others) }),
      };
  }
}

function describe({ allowed, fallback }: Rule<unknown>, means: string | undefined): string {
  const byDefault = fallback === undefined ? "" : ` Default: ${JSON.stringify(fallback)}.`;
  return `${means === undefined ? "" : `${means}: `}${allowed}.${byDefault}`;
}

function sectionSchema(name: string, { rules, aliases = {}, isByName }: SectionDescriptor): Schema {
  const options: Record<string, Schema> = {};
  for (const [option, rule] of Object.entries(rules)) {
    if (rule.file === undefined) continue;
    const means = meanings[name]?.options[option]?.means;
    const schema = { ...shapeSchema(rule.file), description: describe(rule, means) };
    options[toSnakeCase(option)] = schema;
    const alias = aliases[option];
    if (alias !== undefined) options[alias] = schema;
  }
  const instances = { type: "object", additionalProperties: orEmpty(mapping(options)) };
  return orEmpty(isByName ? instances : mapping({ ...options, instances: orEmpty(instances) }));
}

/**
 * The JSON Schema of the configuration file, from the constructors' own rules. What a rule refuses beyond its shape, or
 * of options together, has no form there. Other top-level keys belong to other modules.
 */
export function configSchema(): Schema {
  const bySection = Object.entries(sections).map(
    ([name, section]) => [toSnakeCase(name), sectionSchema(name, section)] as const,
  );
  const properties = {
    include: { anyOf: [text, { type: "array", items: text }] },
    resilience: orEmpty(mapping(Object.fromEntries(bySection))),
  };
  return {
    ...orEmpty({ type: "object", properties }),
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "kstlib.conf.yml",
    description: "The configuration of @kstlib/resilience.",
  };
}
