import type { SectionDescriptor } from "./descriptor.js";
import { messageOf } from "./message-of.js";

type Settings = Readonly<Record<string, unknown>>;

/**
 * Throws when options are each valid but contradict one another.
 *
 * @param path of the section or the instance.
 * @param layers the parsed options of the section, then of the instance.
 */
export function checkTogether(
  path: string,
  section: SectionDescriptor,
  ...layers: readonly Settings[]
): void {
  if (section.together === undefined) return;
  const settings: Record<string, unknown> = {};
  for (const [option, rule] of Object.entries(section.rules)) {
    const layer = layers.findLast((one) => one[option] !== undefined);
    if (layer !== undefined) settings[option] = layer[option];
    else if (rule.fallback !== undefined) settings[option] = rule.parse(rule.fallback, option);
  }
  try {
    section.together(settings);
  } catch (error) {
    throw new RangeError(`${path}: ${messageOf(error)}`);
  }
}
