import { sections } from "../all-sections.js";
import type { ConfigIssue } from "../kernel/config-error.js";
import { nearest } from "../kernel/nearest.js";
import { isTree } from "./names.js";
import { toSnakeCase } from "../kernel/snake-case.js";
import type { YamlFile } from "./yaml-file.js";

/** A likely mistake, which might also belong to another program. */
export interface Slip {
  readonly code: "KSTLIB_CONFIG_KEY" | "KSTLIB_CONFIG_FILE";
  readonly file: string;
  readonly message: string;
  /** Whether nothing of the file is read because of it. */
  readonly isTotal: boolean;
  /** Where in the file it is, and what is wrong there. */
  readonly issue?: ConfigIssue;
}

const TOP = "resilience";
const SECTIONS: readonly string[] = Object.keys(sections).map(toSnakeCase);

/** `kstlib_resilience`, `Resilience`, `resiliance`. */
function isLikeTop(key: string): boolean {
  return /resilien/.test(key.toLowerCase()) || nearest(key, [TOP]) === TOP;
}

function hasAnyOf(value: unknown, keys: readonly string[]): boolean {
  return isTree(value) && keys.some((key) => Object.hasOwn(value, key));
}

/** Whether it looks like one of our sections: its key, and one of its options. */
function isSection(key: string, value: unknown): boolean {
  return Object.entries(sections).some(([name, { rules, aliases = {} }]) => {
    const options = [...Object.keys(rules).map(toSnakeCase), ...Object.values(aliases)];
    return toSnakeCase(name) === key && hasAnyOf(value, [...options, "instances"]);
  });
}

/**
 * The advice on a top-level key, if it needs any. In a file that has the right key, others may only look like ours:
 * their contents must look like ours too.
 */
function adviceFor(key: string, value: unknown, hasTop: boolean): string | undefined {
  if (isLikeTop(key) && (!hasTop || hasAnyOf(value, SECTIONS))) return `did you mean ${TOP}?`;
  if (hasTop ? isSection(key, value) : nearest(key, SECTIONS) !== undefined) {
    return `sections belong under the key ${TOP}.`;
  }
  const isNested = !hasTop && isTree(value) && hasAnyOf(value[TOP], SECTIONS);
  return isNested ? `${TOP} belongs at the top level of the file, not under ${key}.` : undefined;
}

/** Other programs may have keys of their own, so a slip in the top-level key is a warning, not an error. */
export function slipsOf(source: YamlFile): readonly Slip[] {
  const { file, value } = source;
  if (!isTree(value)) return [];
  const hasTop = Object.hasOwn(value, TOP);
  const slips: Slip[] = [];
  for (const [key, inner] of Object.entries(value)) {
    if (key === TOP || key === "include") continue;
    const advice = adviceFor(key, inner, hasTop);
    if (advice === undefined) continue;
    const issue = source.issue([key], "key", `${key} is not read; ${advice}`);
    const message = `${file}:${issue.line}:${issue.column}: ${issue.message}`;
    slips.push({ code: "KSTLIB_CONFIG_KEY", file, message, isTotal: !hasTop, issue });
  }
  return slips;
}
