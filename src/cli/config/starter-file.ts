import { SECTION_KEYS, toSnakeCase } from "../../config/names.js";
import { MEANINGS } from "../../config/meanings.js";
import type { SectionName } from "../../kernel/configured.js";
import type { Rule } from "../../kernel/rules.js";
import { sections } from "../../sections.js";
import { flowYaml } from "./flow-yaml.js";

const HEAD = `# yaml-language-server: $schema=./node_modules/@kstlib/resilience/dist/schema.json
#
# The configuration of @kstlib/resilience. Everything may be left out: what is commented out is the default,
# or an example where there is no default.
# A duration is a number of seconds or a string with its unit: 500ms, 30s, 5m, 1h30m.
# \`kstlib-resilience config show\` tells what holds, and where it comes from.
#
# include: other.yml # or a list; read first, so that this file has the last word

resilience:
`;

/** Options for one instance, by its \`name\`, where a section is likely to have several. */
const INSTANCES: { readonly [Name in SectionName]?: string } = {
  circuitBreaker: "payment-api: { max_failures: 3, reset_timeout: 10s }",
  rateLimiter: "exchange: { rate: 1200, per: 1m, burst: 50 }",
};

/** What may stand there, where the default does not say it. */
function allowedWords({ file: shape }: Rule<unknown>): string {
  if (shape?.kind === "choice") return ` (${shape.values.join(", ")})`;
  if (shape?.kind !== "number" || !shape.integer) return "";
  return shape.max < Number.MAX_SAFE_INTEGER ? ` (${shape.min} to ${shape.max})` : ` (at least ${shape.min})`;
}

function optionLines(section: SectionName): readonly string[] {
  const options = Object.entries(sections[section]).filter(([, rule]) => rule.file !== undefined);
  const lines = options.map(([option, rule]) => {
    const { means = rule.allowed, example = "" } = MEANINGS[section].options[option] ?? {};
    const value = rule.fallback === undefined ? example : flowYaml(rule.fallback);
    return { key: `# ${toSnakeCase(option)}: ${value}`.trimEnd(), means: means + allowedWords(rule) };
  });
  const width = Math.max(...lines.map(({ key }) => key.length));
  return lines.map(({ key, means }) => `    ${key.padEnd(width)}  # ${means}`);
}

function sectionLines(section: SectionName): readonly string[] {
  const instances = INSTANCES[section];
  const named = [
    "    # for the one of that name alone, over what stands above",
    "    # instances:",
    `    #   ${instances}`,
  ];
  return [
    `  # ${MEANINGS[section].means}`,
    `  ${SECTION_KEYS[section]}:`,
    ...optionLines(section),
    ...(instances === undefined ? [] : named),
    "",
  ];
}

/** A configuration file that says nothing but defaults, each commented out, from the rules that check it. */
export function starterFile(): string {
  const names = Object.keys(sections) as SectionName[];
  return `${HEAD}${names.flatMap(sectionLines).join("\n").trimEnd()}\n`;
}
