import * as v from "valibot";
import { ConfigError, type ConfigIssue } from "../kernel/config-error.js";
import type { SectionName } from "../kernel/configured.js";
import { nearest } from "../kernel/nearest.js";
import type { Rule } from "../kernel/rules.js";
import { show } from "../kernel/show.js";
import { sections } from "../sections.js";
import { ALIASES, isTree, SECTION_KEYS, toSnakeCase } from "./names.js";
import { fileSchema, objection } from "./schema.js";
import type { KeyPath, YamlFile } from "./yaml-file.js";

const SECTION_NAMES = Object.keys(sections) as SectionName[];

/** The option that a key path leads to or into, and how many of the keys lead to it. */
interface Place {
  readonly rule: Rule<unknown> | undefined;
  readonly depth: number;
  /** The keys that could stand where the last one does. */
  readonly known: readonly string[];
}

function fileKeys(section: SectionName): Map<string, Rule<unknown>> {
  const rules = new Map<string, Rule<unknown>>();
  for (const [key, rule] of Object.entries(sections[section])) {
    if (rule.file === undefined) continue;
    rules.set(toSnakeCase(key), rule);
    const alias = ALIASES[section]?.[key];
    if (alias !== undefined) rules.set(alias, rule);
  }
  return rules;
}

function placeOf([top, sectionKey, ...rest]: KeyPath): Place {
  const nowhere = { rule: undefined, depth: 0 };
  if (top !== "resilience" || sectionKey === undefined) return { ...nowhere, known: [] };
  const section = SECTION_NAMES.find((name) => SECTION_KEYS[name] === sectionKey);
  if (section === undefined) return { ...nowhere, known: Object.values(SECTION_KEYS) };
  const options = fileKeys(section);
  const inInstance = rest[0] === "instances";
  const key = inInstance ? rest[2] : rest[0];
  const known = inInstance ? [...options.keys()] : [...options.keys(), "instances"];
  return { rule: key === undefined ? undefined : options.get(key), depth: inInstance ? 5 : 3, known };
}

function valueAt(value: unknown, keys: KeyPath): unknown {
  let inner = value;
  for (const key of keys) {
    inner =
      typeof inner === "object" && inner !== null && Object.hasOwn(inner, key)
        ? Reflect.get(inner, key)
        : undefined;
  }
  return inner;
}

function explain(source: YamlFile, issue: v.BaseIssue<unknown>): ConfigIssue {
  const keys = issue.path?.map((item) => String(item.key)) ?? [];
  const { rule, depth, known } = placeOf(keys);
  if (rule !== undefined) {
    const option = keys.slice(0, depth);
    const value = valueAt(source.value, option);
    const label = option.join(".");
    // The words are the constructor's own; the schema decides alone only where the rule is content.
    return source.issue(
      option,
      "value",
      objection(rule, value, label) ?? `${label} must be ${rule.allowed}; got ${show(value)}.`,
    );
  }
  if (keys[0] === "include") {
    return source.issue(
      ["include"],
      "value",
      `include must be the path of a file or a list of paths; got ${show(valueAt(source.value, ["include"]))}.`,
    );
  }
  const parent = valueAt(source.value, keys.slice(0, -1));
  if (issue.type === "strict_object" && issue.expected === "never" && !Array.isArray(parent)) {
    return unknownKey(source, keys, known);
  }
  // Valibot names the first element of an array as the unknown key of an object.
  const of = Array.isArray(parent) ? keys.slice(0, -1) : keys;
  const what = of.length === 0 ? "the file" : of.join(".");
  return source.issue(
    of,
    "value",
    `${what} must be a mapping of keys; got ${show(valueAt(source.value, of))}.`,
  );
}

function unknownKey(source: YamlFile, keys: KeyPath, known: readonly string[]): ConfigIssue {
  const meant = nearest(keys.at(-1) ?? "", known);
  const advice = meant === undefined ? `known are ${known.join(", ")}` : `did you mean ${meant}?`;
  return source.issue(keys, "key", `${keys.join(".")} is not a known key; ${advice}`);
}

/** The mappings that hold options: each section and each of its instances. */
function* mappingsOf(
  source: YamlFile,
): Generator<{ section: SectionName; keys: readonly string[]; options: object }> {
  for (const section of SECTION_NAMES) {
    const own = ["resilience", SECTION_KEYS[section]];
    const instances = Object.keys(Object(valueAt(source.value, [...own, "instances"])));
    for (const keys of [own, ...instances.map((name) => [...own, "instances", name])]) {
      const options = valueAt(source.value, keys);
      if (isTree(options)) yield { section, keys, options };
    }
  }
}

/** Options that a mapping gives by both of their names. */
function doublesOf(source: YamlFile): readonly ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  for (const { section, keys, options } of mappingsOf(source)) {
    for (const [option, alias] of Object.entries(ALIASES[section] ?? {})) {
      const name = toSnakeCase(option);
      if (!Object.hasOwn(options, alias) || !Object.hasOwn(options, name)) continue;
      const at = [...keys, alias];
      const message = `${at.join(".")} and ${name} name the same option; keep one of them.`;
      issues.push(source.issue(at, "key", message));
    }
  }
  return issues;
}

/** Every key that is not known, of which the schema tells only the first of a mapping. */
function unknownKeysOf(source: YamlFile): readonly ConfigIssue[] {
  const names: readonly string[] = Object.values(SECTION_KEYS);
  const given = valueAt(source.value, ["resilience"]);
  const issues = Object.keys(isTree(given) ? given : {})
    .filter((key) => !names.includes(key))
    .map((key) => unknownKey(source, ["resilience", key], names));
  for (const { section, keys, options } of mappingsOf(source)) {
    const isSection = keys.length === 2;
    const known = [...fileKeys(section).keys(), ...(isSection ? ["instances"] : [])];
    for (const key of Object.keys(options).filter((name) => !known.includes(name))) {
      issues.push(unknownKey(source, [...keys, key], known));
    }
  }
  return issues;
}

/** Throws unless the file says only what can be said; the error has every mistake, once, in the file's order. */
export function validate(source: YamlFile): void {
  const { issues = [] } = v.safeParse(fileSchema, source.value);
  const found = [
    ...doublesOf(source),
    ...unknownKeysOf(source),
    ...issues.map((issue) => explain(source, issue)),
  ];
  const byKey = new Map(found.map((issue) => [issue.keyPath, issue]));
  const [first, ...more] = [...byKey.values()].toSorted(
    (a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
  );
  if (first !== undefined) throw new ConfigError([first, ...more]);
}
