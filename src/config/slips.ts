import { nearest } from "../kernel/nearest.js";
import { isTree, SECTION_KEYS } from "./names.js";
import type { YamlFile } from "./yaml-file.js";

/** What is most likely a mistake and cannot be told from what belongs to another program. */
export interface Slip {
  readonly code: "KSTLIB_CONFIG_KEY" | "KSTLIB_CONFIG_FILE";
  readonly file: string;
  readonly message: string;
  /** Whether nothing of the file is read because of it. */
  readonly isTotal: boolean;
}

const TOP = "resilience";
const SECTIONS: readonly string[] = Object.values(SECTION_KEYS);

/** `kstlib_resilience`, `Resilience`, `resiliance`. */
function isLikeTop(key: string): boolean {
  return /resilien/.test(key.toLowerCase()) || nearest(key, [TOP]) === TOP;
}

/** The advice that a top-level key needs; a file that has the right one may have keys that only look like ours. */
function adviceFor(key: string, value: unknown, hasTop: boolean): string | undefined {
  if (isLikeTop(key)) return `did you mean ${TOP}?`;
  const isSection = SECTIONS.includes(key) || (!hasTop && nearest(key, SECTIONS) !== undefined);
  if (isSection) return `sections stand under the key ${TOP}.`;
  const inner = isTree(value) ? value[TOP] : undefined;
  const isNested = !hasTop && isTree(inner) && SECTIONS.some((section) => Object.hasOwn(inner, section));
  return isNested ? `${TOP} stands at the top of the file, not under ${key}.` : undefined;
}

/** Other modules may have keys of their own, so a slip in the one key that matters can only be warned of. */
export function slipsOf(source: YamlFile): readonly Slip[] {
  const { file, value } = source;
  if (!isTree(value)) return [];
  const hasTop = Object.hasOwn(value, TOP);
  const slips: Slip[] = [];
  for (const [key, inner] of Object.entries(value)) {
    if (key === TOP || key === "include") continue;
    const advice = adviceFor(key, inner, hasTop);
    if (advice === undefined) continue;
    const { line, column } = source.issue([key], "key", "");
    const message = `${file}:${line}:${column}: ${key} is not read; ${advice}`;
    slips.push({ code: "KSTLIB_CONFIG_KEY", file, message, isTotal: !hasTop });
  }
  return slips;
}
