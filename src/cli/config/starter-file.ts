import { toSnakeCase } from "../../kernel/snake-case.js";
import { meanings, sections } from "../../all-sections.js";
import type { Meanings, SectionDescriptor, SectionRules } from "../../kernel/descriptor.js";
import type { Rule } from "../../kernel/rules.js";
import { flowYaml } from "./flow-yaml.js";

const HEAD = `# yaml-language-server: $schema=./node_modules/@kstlib/resilience/dist/schema.json
#
# The configuration of @kstlib/resilience. Every key is optional. A line that is commented out shows
# the default, or an example where there is none.
# A duration is a number of seconds or a string with its unit: 500ms, 30s, 5m, 1h30m.
# \`kstlib-resilience config show\` shows the values in effect, and where each comes from.
#
# include: other.yml # or a list; read first, so this file wins

resilience:
`;

/** What is allowed, where the default does not show it. */
function allowedWords({ file: shape }: Rule<unknown>): string {
  if (shape?.kind === "choice") return ` (${shape.values.join(", ")})`;
  if (shape?.kind !== "number" || !shape.integer) return "";
  return shape.max < Number.MAX_SAFE_INTEGER ? ` (${shape.min} to ${shape.max})` : ` (at least ${shape.min})`;
}

function optionLines(rules: SectionRules, { options }: Meanings): readonly string[] {
  const lines = Object.entries(rules).flatMap(([option, rule]) => {
    if (rule.file === undefined) return [];
    const { means = rule.allowed, example = "" } = options[option] ?? {};
    const value = rule.fallback === undefined ? example : flowYaml(rule.fallback);
    return { key: `# ${toSnakeCase(option)}: ${value}`.trimEnd(), means: means + allowedWords(rule) };
  });
  const width = Math.max(...lines.map(({ key }) => key.length));
  return lines.map(({ key, means }) => `    ${key.padEnd(width)}  # ${means}`);
}

/** Of a section whose keys are names: what can stand under each of them. */
function namesLines(rules: SectionRules, { options, instances }: Meanings): readonly string[] {
  const width = Math.max(...Object.keys(rules).map((option) => toSnakeCase(option).length));
  const lines = Object.entries(rules).map(([option, { allowed }]) => {
    return `    #   ${toSnakeCase(option).padEnd(width)}  ${options[option]?.means ?? allowed}`;
  });
  return ["    # each by its name, with any of", ...lines, `    #   ${instances}`];
}

function sectionLines(name: string, section: SectionDescriptor, words: Meanings): readonly string[] {
  const { rules, isByName } = section;
  const { instances } = words;
  const named = [
    "    # options of single instances, by name; they override those above",
    "    # instances:",
    `    #   ${instances}`,
  ];
  return [
    `  # ${words.means}`,
    `  ${toSnakeCase(name)}:`,
    ...(isByName ? namesLines(rules, words) : optionLines(rules, words)),
    ...(instances === undefined || isByName ? [] : named),
    "",
  ];
}

/** A configuration file with every default, each commented out, from the rules that check it. */
export function starterFile(): string {
  const lines = Object.entries(sections).flatMap(([name, section]) => {
    const words = meanings[name];
    return words === undefined ? [] : sectionLines(name, section, words);
  });
  return `${HEAD}${lines.join("\n").trimEnd()}\n`;
}
