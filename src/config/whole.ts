import { sections } from "../all-sections.js";
import { ConfigError, type ConfigIssue } from "../kernel/config-error.js";
import { type Configuration, layersOf } from "../kernel/configured.js";
import type { SectionDescriptor } from "../kernel/descriptor.js";
import { messageOf } from "../kernel/message-of.js";
import { unknownNames } from "../kernel/named.js";
import type { FileShape } from "../kernel/rules.js";
import { toSnakeCase } from "../kernel/snake-case.js";
import { checkTogether } from "../kernel/together.js";
import { isTree, type Tree } from "./names.js";
import type { KeyPath, YamlFile } from "./yaml-file.js";

/** The section whose options an option can have, where the name of one of its instances can stand as well. */
function sectionOf(shape: FileShape | undefined): string {
  const named = shape?.kind === "either" && shape.shapes.find(({ kind }) => kind === "name");
  return named && named.kind === "name" ? named.section : "";
}

/** Looks for what is wrong in files each of which has only options that are valid. */
class WholeReader {
  readonly issues: ConfigIssue[] = [];
  readonly #configuration: Configuration;
  readonly #sources: readonly YamlFile[];
  /** What the rules make of options that are all valid. */
  readonly #settings = new Map<Tree, Tree>();

  constructor(configuration: Configuration, sources: readonly YamlFile[]) {
    this.#configuration = configuration;
    this.#sources = sources;
  }

  read(): void {
    for (const [name, section] of Object.entries(sections)) {
      const own = this.#configuration[name] ?? {};
      const { instances = {} } = own;
      const keys = ["resilience", toSnakeCase(name)];
      this.#options(keys, section, own);
      for (const [instance, options] of Object.entries(instances)) {
        if (section.isByName) this.#parts([...keys, instance], section, instance, options);
        else this.#options([...keys, "instances", instance], section, options, own);
      }
    }
    for (const { keys, message } of unknownNames(
      sections,
      this.#configuration,
      ["resilience"],
      toSnakeCase,
    )) {
      this.#refuse(keys, "value", message);
    }
  }

  /** The options of a section, or those of an instance over them. */
  #options(keys: KeyPath, section: SectionDescriptor, options: Tree, ...below: readonly Tree[]): void {
    this.#parse(keys, section, options);
    const layers = [...below, options];
    const settings = layers.map((layer) => this.#settings.get(layer)).filter((one) => one !== undefined);
    // One that is wrong has been told.
    if (settings.length === layers.length)
      this.#try(keys, (label) => checkTogether(label, section, ...settings));
  }

  /** The parts of a pipeline, each over what it gets from its section and by its name. */
  #parts(keys: KeyPath, section: SectionDescriptor, name: string, parts: Tree): void {
    if (!this.#parse(keys, section, parts)) return;
    for (const [part, options] of Object.entries(parts)) {
      const key = sectionOf(section.rules[part]?.file);
      const of = sections[key];
      if (of === undefined || !isTree(options)) continue;
      const layers = layersOf(this.#configuration, key, { name, ...options });
      this.#options([...keys, toSnakeCase(part)], of, options, ...layers);
    }
  }

  /** Whether all values are valid: one whose keys come from several files need not be. */
  #parse(keys: KeyPath, { rules }: SectionDescriptor, options: Tree): boolean {
    const settings: Record<string, unknown> = {};
    const wrong = Object.entries(options).filter(([option, value]) => {
      const parse = (label: string): unknown => (settings[option] = rules[option]?.parse(value, label));
      return Object.hasOwn(rules, option) && !this.#try([...keys, toSnakeCase(option)], parse);
    });
    if (wrong.length === 0) this.#settings.set(options, settings);
    return wrong.length === 0;
  }

  #try(keys: KeyPath, check: (label: string) => unknown): boolean {
    try {
      check(keys.join("."));
      return true;
    } catch (error) {
      this.#refuse(keys, "key", messageOf(error));
      return false;
    }
  }

  /** At its place in the last file that has it. */
  #refuse(keys: KeyPath, at: "key" | "value", message: string): void {
    const source = this.#sources.findLast((candidate) => candidate.has(keys));
    if (source === undefined) throw new TypeError(message);
    this.issues.push(source.issue(keys, at, message));
  }
}

/**
 * Checks what files say together: values whose keys come from several of them, options that contradict one another, names
 * of what is not there.
 *
 * @throws ConfigError with each mistake, at its place.
 */
export function checkWhole(configuration: Configuration, sources: readonly YamlFile[]): void {
  const reader = new WholeReader(configuration, sources);
  reader.read();
  const [first, ...more] = reader.issues;
  if (first !== undefined) throw new ConfigError([first, ...more]);
}
